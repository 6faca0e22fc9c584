# Finds the libraries lossd stands on. Protobuf comes before Torch: some LibTorch builds define a dummy
# protobuf::libprotobuf otherwise.

find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(gRPC 1.51 CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_program(LOSSD_PROTOC protoc REQUIRED)
find_program(LOSSD_GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(hwy CONFIG QUIET)
if(NOT TARGET hwy::hwy)
  pkg_check_modules(hwy REQUIRED IMPORTED_TARGET libhwy)
  add_library(hwy::hwy ALIAS PkgConfig::hwy)
endif()

# What programs that carry messages allocate through. A small call makes some sixty blocks on one thread, of which others
# free a few; the transport's blocks of large messages come and go by the hundred. tcmalloc is faster at the former, and
# neither takes the latter from the system anew each time nor keeps them for good. Sanitizers have their own.
add_library(lossd_allocator INTERFACE)
add_library(lossd::allocator ALIAS lossd_allocator)
if(NOT LOSSD_SANITIZE)
  pkg_check_modules(tcmalloc REQUIRED IMPORTED_TARGET libtcmalloc_minimal)
  target_link_libraries(lossd_allocator INTERFACE PkgConfig::tcmalloc)
  target_compile_definitions(lossd_allocator INTERFACE LOSSD_TCMALLOC)
endif()

set(LOSSD_CUDA_PACKAGES "" CACHE PATH "Folder that cmake/cuda_packages made: build with its LibTorch, and the module for CUDA")
if(LOSSD_CUDA_PACKAGES)
  include(cuda)
elseif(LOSSD_TORCH)
  if(NOT TARGET torch::cudart)  # A CUDA build of LibTorch on a machine without the toolkit: link its CPU part.
    add_library(torch::cudart INTERFACE IMPORTED)
  endif()
  find_package(Torch REQUIRED)
  # Not ${TORCH_LIBRARIES}: it can name another libc10 than the one found.
  add_library(lossd_torch INTERFACE)
  target_link_libraries(lossd_torch INTERFACE torch_cpu_library c10)
  target_compile_options(lossd_torch INTERFACE ${TORCH_CXX_FLAGS})
endif()
if(TARGET lossd_torch)
  add_library(lossd::torch ALIAS lossd_torch)
endif()

if(LOSSD_TESTS)
  find_package(GTest CONFIG REQUIRED)
endif()
