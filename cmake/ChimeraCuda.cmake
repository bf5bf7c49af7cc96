# chimera_cuda_library: kernels, compiled for the emulator always and for GPUs where CHIMERA_CUDA says so.

option(CHIMERA_CUDA "Build what runs on a GPU (needs CUDA 13: scripts/setup-cuda, or CUDAToolkit_ROOT)" OFF)
# The emulated runtime refuses the same devices.
set(CHIMERA_CUDA_ARCHITECTURES 80 90 CACHE STRING "Compute capabilities that kernels are compiled for, without the dot")

if(CHIMERA_CUDA)
  if(NOT CUDAToolkit_ROOT AND NOT DEFINED ENV{CUDAToolkit_ROOT})
    # What scripts/setup-cuda installs, or else what the machine has.
    set(CUDAToolkit_ROOT ${PROJECT_SOURCE_DIR}/build/cuda-toolkit)
    if(NOT EXISTS ${CUDAToolkit_ROOT})
      set(CUDAToolkit_ROOT /usr/local/cuda)
    endif()
  endif()
  find_package(CUDAToolkit 13 QUIET)
  if(NOT TARGET CUDA::cudart OR NOT TARGET CUDA::cublasLt OR NOT CUDAToolkit_NVCC_EXECUTABLE)
    message(FATAL_ERROR "CHIMERA_CUDA=ON: no CUDA 13 toolkit with nvcc, libcudart and libcublasLt in CUDAToolkit_ROOT or \
/usr/local/cuda; scripts/setup-cuda installs one")
  endif()
  find_package(Python3 REQUIRED COMPONENTS Interpreter)

  # As in ChimeraOptions.cmake: no a*b+c is fused unless the source says fma. Device code calls what is constexpr in
  # common/base. -lineinfo costs nothing and lets profilers show source lines, and compressed for size it takes little
  # space: kernels are a quarter as large in the bundle of scripts/gpu-bundle.
  set(CHIMERA_NVCC_OPTIONS
      -std=c++20 -O2 --fmad=false --expt-relaxed-constexpr -lineinfo --compress-mode=size -Werror all-warnings -Xptxas -v
      -ccbin ${CMAKE_CXX_COMPILER} -Xcompiler=-Wall,-Wextra,-Werror,-Wshadow,-ffp-contract=off -I${PROJECT_SOURCE_DIR})
  foreach(ARCHITECTURE ${CHIMERA_CUDA_ARCHITECTURES})
    list(APPEND CHIMERA_NVCC_OPTIONS -gencode arch=compute_${ARCHITECTURE},code=sm_${ARCHITECTURE})
  endforeach()
endif()

# chimera_cuda_library(NAME name SRCS a.cu b.cu [HDRS a.h] [DEPS target...])
# The libraries name_emulated, of which the sources are plain C++ and launches go to emulators, and, with CHIMERA_CUDA,
# name, of which launches go to CUDA streams. They define the same functions: a program links one of them. A kernel that
# spills registers does not build; what ptxas says of the others is beside the objects, in *.ptxas.txt.
function(chimera_cuda_library)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;HDRS;DEPS" ${ARGN})
  # nvcc is called by a command of ours, because CMake's own support would claim the same files, and because it could
  # not look at the compiler's report.
  set_source_files_properties(${ARG_SRCS} PROPERTIES LANGUAGE CXX)
  chimera_library(NAME ${ARG_NAME}_emulated SRCS ${ARG_SRCS} HDRS ${ARG_HDRS} DEPS ${ARG_DEPS} common_cuda_runtime_emulated
                  ARITHMETIC)
  if(NOT CHIMERA_CUDA)
    return()
  endif()

  set(script ${PROJECT_SOURCE_DIR}/cmake/nvcc_compile.py)
  set(objects)
  foreach(SOURCE ${ARG_SRCS})
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${ARG_NAME}/${SOURCE}.o)
    add_custom_command(
      OUTPUT ${object}
      COMMAND ${Python3_EXECUTABLE} -B ${script} ${CUDAToolkit_NVCC_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/${SOURCE}
              ${object} ${CHIMERA_NVCC_OPTIONS}
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${SOURCE} ${script}
      DEPFILE ${object}.d
      COMMENT "Compiling ${SOURCE} for GPUs"
      VERBATIM)
    list(APPEND objects ${object})
  endforeach()
  add_library(${ARG_NAME} STATIC ${objects} ${ARG_HDRS})
  set_target_properties(${ARG_NAME} PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(${ARG_NAME} PUBLIC ${ARG_DEPS} common_cuda_runtime chimera_options)
endfunction()
