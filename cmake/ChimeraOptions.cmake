# Compiler settings that hold for every target.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)

set(CHIMERA_SANITIZE "" CACHE STRING "Sanitizers to build with: address,undefined or thread")
option(CHIMERA_THREAD_SAFETY "Check thread-safety annotations (Clang only)" OFF)
option(CHIMERA_FAILPOINTS "Compile in the faults that tests can provoke (common/base/failpoint.h)" OFF)
set(CHIMERA_ARITHMETIC_OPTIONS "" CACHE STRING "Compiler options for the libraries that compute, after all others")
set(CHIMERA_TEST_OPTIONS "" CACHE STRING "Compiler options for the sources of tests, after all others")
option(CHIMERA_BULK_COMPILE "Compile the sources of a library or test together, and what most tests include once \
(tests/precompiled.h): less to compile where nothing is yet; tools based on another compiler do not understand the compile \
commands then" OFF)
option(CHIMERA_FUZZ "Build the fuzzers of tests/fuzz in place of the tests that replay their corpus (Clang only)" OFF)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # In depend mode a file that is not in the cache is not preprocessed once more; the sloppiness is what precompiled
  # headers take.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_DEPEND=1 CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE_PROGRAM})
endif()

# The interface target that carries them; chimera_library() links it to our own code only, so that generated code is
# exempt from the warnings.
add_library(chimera_options INTERFACE)
target_include_directories(chimera_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(chimera_options INTERFACE -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual)

# Equal bits from every compiler and build type: a*b+c is fused only where the source says fma
# (docs/architecture.md, "What makes the output lossless").
add_compile_options(-ffp-contract=off)

if(CHIMERA_FAILPOINTS)
  add_compile_definitions(CHIMERA_FAILPOINTS)
endif()

if(CHIMERA_THREAD_SAFETY)
  target_compile_options(chimera_options INTERFACE -Wthread-safety)
endif()

if(CHIMERA_SANITIZE)
  add_compile_options(-fsanitize=${CHIMERA_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${CHIMERA_SANITIZE})
  if(CHIMERA_SANITIZE MATCHES thread)
    # Only Clang can leave out the headers of libraries that are not built with it.
    if(NOT CMAKE_CXX_COMPILER_ID STREQUAL Clang)
      message(FATAL_ERROR "ThreadSanitizer needs Clang here: use the tsan preset")
    endif()
    add_compile_options(-fsanitize-ignorelist=${PROJECT_SOURCE_DIR}/tests/tsan_ignorelist.txt)
  endif()
  if(CHIMERA_SANITIZE MATCHES undefined)
    # The four that look at every pointer take a quarter of the time to compile, and find little that AddressSanitizer
    # does not: what computes has them (CHIMERA_ARITHMETIC_OPTIONS in CMakePresets.json).
    add_compile_options(-fno-sanitize-recover=undefined -fno-sanitize=null,alignment,object-size,vptr)
  endif()
endif()

if(CHIMERA_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL Clang)
    message(FATAL_ERROR "libFuzzer needs Clang: use the fuzz preset")
  endif()
  # libFuzzer learns from the branches an input takes; its main() is linked to the fuzzers only.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
