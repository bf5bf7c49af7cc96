// Writes the seeds of safetensors_fuzzer: small files, each with another part of the format in it,
// and files that break one of its rules. The same on every machine.
//
//   write_safetensors_corpus DIRECTORY      tests/fuzz/corpus/safetensors

#include <cstdio>
#include <string>
#include <vector>

#include "tests/common/model/safetensors_bytes.h"
#include "tests/testing/gguf_writer.h"

namespace chimera::testing {
namespace {

struct Seed {
  const char* name;
  std::string content;
};

// Of a header whose braces are added, and data of that many bytes.
std::string File(const std::string& entries, size_t data_bytes) {
  return SafetensorsBytes("{" + entries + "}", std::string(data_bytes, 'x'));
}

std::string OneTensor(const char* type, const char* shape, uint64_t begin, uint64_t end) {
  return File(TensorJson("t", type, shape, begin, end), 16);
}

std::string EveryType() {
  struct Type {
    const char* name;
    uint64_t bytes;
  };
  constexpr Type kTypes[] = {{"F64", 8},  {"I64", 8}, {"F32", 4}, {"I32", 4},
                             {"BF16", 2}, {"F16", 2}, {"I16", 2}, {"U16", 2},
                             {"I8", 1},   {"U8", 1},  {"BOOL", 1}};
  std::string entries;
  uint64_t offset = 0;
  for (const Type& type : kTypes) {
    if (offset > 0) entries += ',';
    entries += TensorJson(type.name, type.name, "[1]", offset, offset + type.bytes);
    offset += type.bytes;
  }
  return File(entries, offset);
}

std::vector<Seed> Whole() {
  return {{"empty", File("", 0)},
          {"every_type", EveryType()},
          {"metadata", File(R"("__metadata__":{"format":"pt","":"\"\\\n\u00e9\ud83d\ude00"})", 0)},
          {"padded", SafetensorsBytes("{" + TensorJson("t", "U8", "[2]", 0, 2) + "}      ", "xx")},
          {"scalar", File(TensorJson("t", "F32", "[]", 0, 4), 4)},
          {"shapes", File(TensorJson("b", "U8", "[1,2,3]", 0, 6) + "," +
                              TensorJson("a", "I16", "[0,5]", 6, 6) + "," +
                              TensorJson("c", "I16", "[3]", 6, 12),
                          12)},
          {"white_space", File(" \n\"t\" :\t{ \"data_offsets\":[ 0 ,\n2] ,\r\n\"shape\": [ 2 ],"
                               " \"dtype\" :\"I8\"\n}\n",
                               2)}};
}

std::vector<Seed> Lies() {
  const std::string huge(8, '\xff');
  const std::string tensor = TensorJson("t", "U8", "[16]", 0, 16);
  return {{"lie_header_size", huge + "{}"},
          {"lie_header_size_at_limit", std::string("\x00\xe1\xf5\x05\0\0\0\0", 8) + "{}"},
          {"lie_offsets", OneTensor("U8", "[16]", 8, 24)},
          {"lie_offsets_down", OneTensor("U8", "[16]", 16, 0)},
          {"lie_overlap", File(tensor + "," + TensorJson("u", "U8", "[4]", 8, 12), 16)},
          {"lie_gap", File(TensorJson("t", "U8", "[4]", 4, 8), 8)},
          {"lie_rest", OneTensor("U8", "[4]", 0, 4)},
          {"lie_shape", OneTensor("F32", "[16]", 0, 16)},
          {"lie_shape_overflow", OneTensor("F64", "[4611686018427387904,2,2]", 0, 0)},
          {"lie_shape_beyond_64_bits", OneTensor("U8", "[18446744073709551616]", 0, 16)},
          {"lie_shape_negative", OneTensor("U8", "[-16]", 0, 16)}};
}

std::vector<Seed> Refused() {
  const std::string tensor = TensorJson("t", "U8", "[16]", 0, 16);
  return {{"refused_type", OneTensor("F8_E4M3", "[16]", 0, 16)},
          {"refused_twice", File(tensor + "," + tensor, 16)},
          {"refused_metadata_twice", File(R"("__metadata__":{"k":"v","k":"v"})", 0)},
          {"refused_metadata_number", File(R"("__metadata__":{"k":1})", 0)},
          {"refused_no_shape", File(R"("t":{"dtype":"U8","data_offsets":[0,16]})", 16)},
          {"refused_key", File(R"("t":{"color":"red"})", 16)},
          {"refused_offset_count", File(R"("t":{"data_offsets":[0,16,16]})", 16)},
          {"refused_nested", File("\"t\":{\"shape\":" + std::string(5000, '['), 0)},
          {"refused_line_breaks", File(std::string(5000, '\n'), 0)},
          {"refused_array", SafetensorsBytes("[]", "")},
          {"refused_zero_byte", SafetensorsBytes(std::string("{}\0", 3), "")},
          {"refused_not_closed", SafetensorsBytes("{\"t\":{\"dtype\":\"U8", "")},
          {"refused_not_utf8", File("\"\xff\":{}", 0)},
          {"refused_surrogate", File(R"("\ud800":{})", 0)}};
}

}  // namespace
}  // namespace chimera::testing

int main(int argc, char** argv) {
  using namespace chimera::testing;  // NOLINT: half of it is used
  if (argc != 2) {
    std::fputs("usage: write_safetensors_corpus DIRECTORY\n", stderr);
    return 2;
  }
  for (const std::vector<Seed>& seeds : {Whole(), Lies(), Refused()}) {
    for (const Seed& seed : seeds) {
      WriteFile(std::string(argv[1]) + "/" + seed.name + ".safetensors", seed.content);
    }
  }
  return 0;
}
