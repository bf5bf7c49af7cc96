#include "common/cuda/runtime/event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "common/cuda/runtime/copy.h"
#include "common/cuda/runtime/device_memory.h"
#include "common/cuda/runtime/emulated_device.h"
#include "common/cuda/runtime/pinned_memory.h"
#include "common/cuda/runtime/stream.h"
#include "tests/testing/status_matchers.h"

namespace chimera::cuda {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

// A producer that writes 0 bytes, and a consumer that reads them.
class EventTest : public ::testing::Test {
 protected:
  absl::Status Produce() { return Fill(device_.span(), std::byte{0}, producer_); }
  absl::Status Consume() { return CopyToHost(host_.span(), device_.span(), consumer_); }

  const ScopedEmulatedComputer computer_{
      {.devices = {DefaultEmulatedDevice(), DefaultEmulatedDevice()}}};
  DeviceBuffer<int> device_ = *DeviceBuffer<int>::Allocate(4);
  PinnedBuffer<int> host_ = *PinnedBuffer<int>::Allocate(4);
  Event event_ = *Event::Create();
  Stream producer_ = *Stream::Create();
  Stream consumer_ = *Stream::Create();
};

TEST_F(EventTest, StreamWaitsForAnother) {
  CHIMERA_ASSERT_OK(Produce());
  CHIMERA_ASSERT_OK(producer_.RecordEvent(event_));
  CHIMERA_ASSERT_OK(consumer_.WaitEvent(event_));
  CHIMERA_ASSERT_OK(Consume());
  CHIMERA_ASSERT_OK(consumer_.Synchronize());
  EXPECT_THAT(host_.span(), Each(0));
}

TEST_F(EventTest, WorkAfterTheMomentIsNotWaitedFor) {
  CHIMERA_ASSERT_OK(producer_.RecordEvent(event_));
  CHIMERA_ASSERT_OK(Produce());
  CHIMERA_ASSERT_OK(consumer_.WaitEvent(event_));
  CHIMERA_ASSERT_OK(Consume());
  CHIMERA_ASSERT_OK(consumer_.Synchronize());
  EXPECT_THAT(host_.span(), Each(-1));
}

TEST_F(EventTest, WaitingMeansTheLatestMomentBeforeIt) {
  CHIMERA_ASSERT_OK(consumer_.WaitEvent(event_));  // never recorded: no wait
  CHIMERA_ASSERT_OK(producer_.RecordEvent(event_));
  CHIMERA_ASSERT_OK(consumer_.WaitEvent(event_));
  CHIMERA_ASSERT_OK(Produce());
  CHIMERA_ASSERT_OK(producer_.RecordEvent(event_));  // later than the waits
  CHIMERA_ASSERT_OK(Consume());
  CHIMERA_ASSERT_OK(consumer_.Synchronize());
  EXPECT_THAT(host_.span(), Each(-1));
}

TEST_F(EventTest, EventAndProducerMayBeDestroyedBeforeTheMoment) {
  std::optional<Stream> producer = *Stream::Create();
  CHIMERA_ASSERT_OK(Fill(device_.span(), std::byte{0}, *producer));
  {
    CHIMERA_ASSERT_OK_AND_ASSIGN(Event event, Event::Create());
    CHIMERA_ASSERT_OK(producer->RecordEvent(event));
    CHIMERA_ASSERT_OK(consumer_.WaitEvent(event));
  }
  CHIMERA_ASSERT_OK(Consume());
  producer.reset();
  CHIMERA_ASSERT_OK(consumer_.Synchronize());
  EXPECT_THAT(host_.span(), Each(0));
}

TEST_F(EventTest, HostWaitsForAnEventAndNotForMore) {
  CHIMERA_ASSERT_OK(producer_.RecordEvent(event_));
  CHIMERA_ASSERT_OK(Produce());
  CHIMERA_ASSERT_OK(event_.Synchronize());
  CHIMERA_ASSERT_OK(Consume());
  CHIMERA_ASSERT_OK(consumer_.Synchronize());
  EXPECT_THAT(host_.span(), Each(-1));
}

TEST_F(EventTest, WhoAsksInALoopSeesItCome) {
  EXPECT_EQ(event_.IsDone().value(), true) << "not recorded";
  CHIMERA_ASSERT_OK(Produce());
  CHIMERA_ASSERT_OK(producer_.RecordEvent(event_));
  EXPECT_EQ(event_.IsDone().value(), false);
  int questions = 1;
  while (!event_.IsDone().value()) ASSERT_LT(++questions, 10);
}

TEST_F(EventTest, StreamsOfTwoDevicesWaitForEachOther) {
  CHIMERA_ASSERT_OK(Produce());
  CHIMERA_ASSERT_OK(producer_.RecordEvent(event_));
  CHIMERA_ASSERT_OK(SelectDevice(1));
  CHIMERA_ASSERT_OK_AND_ASSIGN(Stream far, Stream::Create());
  CHIMERA_ASSERT_OK_AND_ASSIGN(Event far_event, Event::Create());
  CHIMERA_ASSERT_OK(far.WaitEvent(event_));
  CHIMERA_ASSERT_OK(far.RecordEvent(far_event));
  CHIMERA_ASSERT_OK(SelectDevice(0));
  CHIMERA_ASSERT_OK(consumer_.WaitEvent(far_event));
  CHIMERA_ASSERT_OK(Consume());
  CHIMERA_ASSERT_OK(consumer_.Synchronize());
  EXPECT_THAT(host_.span(), Each(0));
  EXPECT_DEATH(consumer_.RecordEvent(far_event).IgnoreError(), "event of another device");
}

// Two streams: one reads what the other overwrites.
enum class Ordering { kByEvent, kNone };
int ReadBesideAWriter(uint64_t seed, Ordering ordering) {
  const ScopedEmulatedComputer computer({.schedule_seed = seed});
  DeviceBuffer<int> device = *DeviceBuffer<int>::Allocate(1);
  PinnedBuffer<int> host = *PinnedBuffer<int>::Allocate(1);
  Event event = *Event::Create();
  Stream reader = *Stream::Create();
  Stream writer = *Stream::Create();
  CHIMERA_EXPECT_OK(CopyToHost(host.span(), device.span(), reader));
  CHIMERA_EXPECT_OK(reader.RecordEvent(event));
  if (ordering == Ordering::kByEvent) {
    CHIMERA_EXPECT_OK(writer.WaitEvent(event));
  }
  CHIMERA_EXPECT_OK(Fill(device.span(), std::byte{0}, writer));
  CHIMERA_EXPECT_OK(reader.Synchronize());
  return host.span()[0];
}

TEST(EventScheduleTest, OnlyAnEventOrdersStreams) {
  std::set<int> unordered;
  for (uint64_t seed = 0; seed < 32; ++seed) {
    EXPECT_EQ(ReadBesideAWriter(seed, Ordering::kByEvent), -1);
    unordered.insert(ReadBesideAWriter(seed, Ordering::kNone));
  }
  EXPECT_THAT(unordered, ElementsAre(-1, 0)) << "no schedule shows the race";
}

TEST_F(EventTest, TimeBetweenEvents) {
  CHIMERA_ASSERT_OK_AND_ASSIGN(Event start, Event::Create(EventTiming::kOn));
  CHIMERA_ASSERT_OK_AND_ASSIGN(Event end, Event::Create(EventTiming::kOn));
  CHIMERA_ASSERT_OK(producer_.RecordEvent(start));
  CHIMERA_ASSERT_OK(Produce());
  CHIMERA_ASSERT_OK(producer_.RecordEvent(end));
  EXPECT_DEATH(ElapsedMilliseconds(start, end).IgnoreError(), "not done");
  CHIMERA_ASSERT_OK(producer_.Synchronize());
  CHIMERA_ASSERT_OK_AND_ASSIGN(const float elapsed, ElapsedMilliseconds(start, end));
  EXPECT_GE(elapsed, 0);
  EXPECT_DEATH(ElapsedMilliseconds(start, event_).IgnoreError(), "without timing");
}

TEST_F(EventTest, ThreadsUseStreamsOfTheirOwn) {
  constexpr int kThreads = 4;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([device = device_.span(), i] {
      CHIMERA_ASSERT_OK_AND_ASSIGN(PinnedBuffer<int> host, PinnedBuffer<int>::Allocate(1));
      CHIMERA_ASSERT_OK_AND_ASSIGN(Stream stream, Stream::Create());
      for (int round = 0; round < 100; ++round) {
        host.span()[0] = round;
        CHIMERA_ASSERT_OK(CopyToDevice(device.subspan(i, 1), host.span(), stream));
        CHIMERA_ASSERT_OK(CopyToHost(host.span(), device.subspan(i, 1), stream));
        CHIMERA_ASSERT_OK(stream.Synchronize());
        ASSERT_EQ(host.span()[0], round);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace chimera::cuda
