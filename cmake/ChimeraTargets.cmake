# chimera_library, chimera_binary and chimera_test: one short statement per target.

# A folder may set, for the targets in it and below,
#   CHIMERA_FOLDER_OPTIONS    compiler options
#   CHIMERA_FOLDER_HEADERS    the target whose headers are compiled once for all, where CHIMERA_BULK_COMPILE is on

function(use_folder_options TARGET)
  target_compile_options(${TARGET} PRIVATE ${CHIMERA_FOLDER_OPTIONS})
  if(CHIMERA_BULK_COMPILE AND CHIMERA_FOLDER_HEADERS)
    # What they were compiled with defines macros and generates headers, which all that reuse them must agree on.
    get_target_property(libraries ${CHIMERA_FOLDER_HEADERS} LINK_LIBRARIES)
    target_link_libraries(${TARGET} PRIVATE ${libraries})
    target_compile_options(${TARGET} PRIVATE -pthread)
    target_precompile_headers(${TARGET} REUSE_FROM ${CHIMERA_FOLDER_HEADERS})
  endif()
endfunction()

# With CHIMERA_BULK_COMPILE the sources of a target share one anonymous namespace; the source property
# SKIP_UNITY_BUILD_INCLUSION exempts one that gives its own meaning to another's names.
function(compile_together TARGET)
  set_target_properties(${TARGET} PROPERTIES UNITY_BUILD ${CHIMERA_BULK_COMPILE} UNITY_BUILD_BATCH_SIZE 8)
endfunction()

# chimera_library(NAME name SRCS a.cc b.cc [HDRS a.h] [DEPS target...] [ARITHMETIC])
# A static library, or an interface library when it has no sources. ARITHMETIC: it computes, and is optimised even where
# little else is.
function(chimera_library)
  cmake_parse_arguments(ARG "ARITHMETIC" "NAME" "SRCS;HDRS;DEPS" ${ARGN})
  if(ARG_SRCS)
    add_library(${ARG_NAME} STATIC ${ARG_SRCS} ${ARG_HDRS})
    target_link_libraries(${ARG_NAME} PUBLIC ${ARG_DEPS} chimera_options)
    compile_together(${ARG_NAME})
    if(ARG_ARITHMETIC)
      target_compile_options(${ARG_NAME} PRIVATE ${CHIMERA_ARITHMETIC_OPTIONS})
    else()
      use_folder_options(${ARG_NAME})
    endif()
  else()
    add_library(${ARG_NAME} INTERFACE ${ARG_HDRS})
    target_link_libraries(${ARG_NAME} INTERFACE ${ARG_DEPS} chimera_options)
  endif()
endfunction()

# chimera_binary(NAME name SRCS main.cc [DEPS target...])
function(chimera_binary)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_DEPS} chimera_options)
  use_folder_options(${ARG_NAME})
  # Tests run these programs, too.
  if(CHIMERA_SANITIZE MATCHES thread)
    target_link_libraries(${ARG_NAME} PRIVATE tests_tsan_grpc_order)
  endif()
endfunction()

# What the sanitizer builds need: the tests labelled unit, and nothing else; with --all also those that emulate whole
# models, and those labelled sanitised.
add_custom_target(unit_tests)
add_custom_target(emulation_tests)
add_custom_target(long_sanitised_tests)

# What scripts/gpu-bundle needs: the tests labelled gpu, and those that do the same on an emulated device.
add_custom_target(gpu_tests)
add_custom_target(gpu_rehearsal)

# chimera_test(NAME name SRCS x_test.cc [DEPS target...] [LABELS unit|model|e2e|long|sanitised|cuda-emulation|gpu...]
#              [TIMEOUT seconds] [SERIAL] [TOGETHER] [FIRST])
# Every GoogleTest case becomes a ctest case. Labels: unit needs nothing but the binary, model needs the default model,
# e2e starts services, long is left out of the default run, sanitised is a long one that is meant for AddressSanitizer,
# cuda-emulation runs kernels on the processor, gpu on a GPU, and is skipped without. SERIAL: no other test runs beside
# it, as for one that measures times. TOGETHER: all cases are one ctest case, because they share, in one process, what
# takes long. FIRST: of the tests labelled gpu, all others count on it; none is run where it fails, and all are where it
# is skipped.
function(chimera_test)
  cmake_parse_arguments(ARG "SERIAL;TOGETHER;FIRST" "NAME;TIMEOUT" "SRCS;DEPS;LABELS" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${ARG_NAME} ${ARG_SRCS})
  compile_together(${ARG_NAME})
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main chimera_options)
  if(CHIMERA_SANITIZE MATCHES thread)
    target_link_libraries(${ARG_NAME} PRIVATE tests_tsan_grpc_order)
  endif()
  use_folder_options(${ARG_NAME})
  if("unit" IN_LIST ARG_LABELS)
    add_dependencies(unit_tests ${ARG_NAME})
  elseif("cuda-emulation" IN_LIST ARG_LABELS)
    add_dependencies(emulation_tests ${ARG_NAME})
  endif()
  if("sanitised" IN_LIST ARG_LABELS)
    add_dependencies(long_sanitised_tests ${ARG_NAME})
  endif()
  set(order)
  if("gpu" IN_LIST ARG_LABELS)
    add_dependencies(gpu_tests ${ARG_NAME})
    if(ARG_FIRST)
      set(order FIXTURES_SETUP tensor_cores)
    else()
      set(order FIXTURES_REQUIRED tensor_cores)
    endif()
    # What the log says of a device that computes right, but not as it should.
    list(APPEND order FAIL_REGULAR_EXPRESSION "launches are not captured")
  endif()
  if(ARG_TOGETHER)
    add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME})
    # Begins first, so that it is not left to run alone at the end.
    set_tests_properties(
      ${ARG_NAME} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT} RUN_SERIAL ${ARG_SERIAL} COST 100 ${order})
    return()
  endif()
  # What separates labels is escaped for each of the lists that they pass through, here and in ctest's scripts.
  string(REPEAT "\\" 7 escape)
  list(JOIN ARG_LABELS "${escape};" labels)
  gtest_discover_tests(${ARG_NAME}
    TEST_PREFIX ${ARG_NAME}/
    DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS "${labels}" TIMEOUT ${ARG_TIMEOUT} RUN_SERIAL ${ARG_SERIAL} ${order})
endfunction()
