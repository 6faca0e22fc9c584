# LibTorch with CUDA and the CUDA compiler from LOSSD_CUDA_PACKAGES, the folder that cmake/cuda_packages prints. Their
# own CMake packages are left alone: they look for more of a toolkit than is needed and pull in an old protobuf.

set(LOSSD_CUDA_TORCH ${LOSSD_CUDA_PACKAGES}/torch)
set(LOSSD_CUDA_TOOLKIT ${LOSSD_CUDA_PACKAGES}/nvidia/cu13)
if(NOT EXISTS ${LOSSD_CUDA_TORCH}/lib/libtorch_cuda.so OR NOT EXISTS ${LOSSD_CUDA_TOOLKIT}/bin/nvcc)
  message(FATAL_ERROR "LOSSD_CUDA_PACKAGES: expected a folder made by cmake/cuda_packages, got ${LOSSD_CUDA_PACKAGES}")
endif()

add_library(lossd_torch INTERFACE)
target_include_directories(lossd_torch SYSTEM INTERFACE
  ${LOSSD_CUDA_TORCH}/include ${LOSSD_CUDA_TORCH}/include/torch/csrc/api/include)
target_link_libraries(lossd_torch INTERFACE ${LOSSD_CUDA_TORCH}/lib/libtorch_cpu.so ${LOSSD_CUDA_TORCH}/lib/libc10.so)

add_library(lossd_cuda_runtime INTERFACE)
add_library(lossd::cuda_runtime ALIAS lossd_cuda_runtime)
target_include_directories(lossd_cuda_runtime SYSTEM INTERFACE ${LOSSD_CUDA_TOOLKIT}/include)
target_link_libraries(lossd_cuda_runtime INTERFACE ${LOSSD_CUDA_TOOLKIT}/lib/libcudart.so.13)

# What computes on cards. Nothing of a program's refers to libtorch_cuda.so: it registers itself, and so must be linked
# all the same.
add_library(lossd_torch_cuda INTERFACE)
add_library(lossd::torch_cuda ALIAS lossd_torch_cuda)
target_link_libraries(lossd_torch_cuda INTERFACE
  lossd_torch lossd_cuda_runtime ${LOSSD_CUDA_TORCH}/lib/libc10_cuda.so
  -Wl,--no-as-needed ${LOSSD_CUDA_TORCH}/lib/libtorch_cuda.so -Wl,--as-needed)

# What the module's code runs on: machine code for compute capabilities 8.0 and 9.0, and PTX for newer cards.
set(LOSSD_CUDA_CODE
  -gencode=arch=compute_80,code=sm_80 -gencode=arch=compute_90,code=sm_90 -gencode=arch=compute_90,code=compute_90)

# lossd_cuda_sources(<target> /path/file.cu ...): compiles the files with nvcc and adds them to the target.
function(lossd_cuda_sources target)
  foreach(source ${ARGN})
    cmake_path(GET source STEM LAST_ONLY stem)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${target}.${stem}.cu.o)
    add_custom_command(
      OUTPUT ${object}
      COMMAND ${LOSSD_CUDA_TOOLKIT}/bin/nvcc -std=c++20 -O3 -ccbin ${CMAKE_CXX_COMPILER} ${LOSSD_CUDA_CODE}
              -Xcompiler=-fPIC,-Wall,-Wextra -I${PROJECT_SOURCE_DIR} -MD -MF ${object}.d -c
              ${source} -o ${object}
      DEPENDS ${source}
      DEPFILE ${object}.d
      COMMENT "nvcc ${source}" VERBATIM)
    target_sources(${target} PRIVATE ${object})
    set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
  endforeach()
endfunction()
