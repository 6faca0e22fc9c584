# Functions for our targets: warnings, sanitizers, aliases, tests.

set(LOSSD_WARNINGS
    -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wcast-qual -Wconversion -Wno-sign-conversion -Wvla
    -Wmissing-declarations)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  list(APPEND LOSSD_WARNINGS -Wthread-safety)
endif()
if(LOSSD_WERROR)
  list(APPEND LOSSD_WARNINGS -Werror)
endif()

# Compile and link options of every target of ours; third-party headers are SYSTEM and stay quiet.
add_library(lossd_options INTERFACE)
target_compile_options(lossd_options INTERFACE ${LOSSD_WARNINGS})
target_include_directories(lossd_options INTERFACE ${PROJECT_SOURCE_DIR})
if(LOSSD_SANITIZE)
  target_compile_options(lossd_options INTERFACE -fsanitize=${LOSSD_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(lossd_options INTERFACE -fsanitize=${LOSSD_SANITIZE})
endif()
if(LOSSD_SANITIZE MATCHES thread)
  include(tsan)
endif()
if(LOSSD_FUZZ)
  target_compile_options(lossd_options INTERFACE -fsanitize=fuzzer-no-link)
  # Kernels for one instruction set alone: for all of them, with sanitizers, Clang takes many minutes a file.
  target_compile_definitions(lossd_options INTERFACE HWY_COMPILE_ONLY_STATIC)
endif()

# lossd_library(<name> SRCS ... [PUBLIC ...] [PRIVATE ...]): a static library lossd_<name>, alias lossd::<name>, which is
# also its name where it is installed (install.cmake).
function(lossd_library name)
  cmake_parse_arguments(ARG "" "" "SRCS;PUBLIC;PRIVATE" ${ARGN})
  add_library(lossd_${name} STATIC ${ARG_SRCS})
  add_library(lossd::${name} ALIAS lossd_${name})
  target_link_libraries(lossd_${name} PUBLIC ${ARG_PUBLIC} PRIVATE $<BUILD_INTERFACE:lossd_options> ${ARG_PRIVATE})
  target_include_directories(lossd_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                                  $<INSTALL_INTERFACE:include/lossd>)
  target_compile_features(lossd_${name} PUBLIC cxx_std_20)
  set_target_properties(lossd_${name} PROPERTIES EXPORT_NAME ${name})
endfunction()

# What nearly every test includes, compiled once: a program, so that its code model is that of the tests.
# Tests compile without the optimiser's dear passes, since what they test was compiled with them; under sanitizers, whose
# checks are dear to optimise, without any.
function(lossd_fast_to_compile target)
  if(LOSSD_SANITIZE)
    target_compile_options(${target} PRIVATE -O0 -g1)
  elseif(CMAKE_BUILD_TYPE STREQUAL Release AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(${target} PRIVATE -O1)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(${target} PRIVATE -pthread)
    target_precompile_headers(${target} ${ARGN})
  endif()
endfunction()

# lossd_test(<name> SRCS ... [DEPS ...] [LABELS ...] [TIMEOUT seconds] [TORCH]): a GoogleTest program and its ctest
# entry. TORCH: one that is compiled with the options of LibTorch, which the precompiled headers are not.
function(lossd_test name)
  cmake_parse_arguments(ARG "TORCH" "TIMEOUT" "SRCS;DEPS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE lossd_options ${ARG_DEPS} GTest::gmock_main)
  if(NOT ARG_TORCH)
    lossd_fast_to_compile(${name} REUSE_FROM lossd_test_headers)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}"
    ENVIRONMENT "LOSSD_SOURCE_DIR=${PROJECT_SOURCE_DIR};LOSSD_BIN_DIR=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};\
LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/cmake/leaks.supp;ASAN_OPTIONS=allocator_may_return_null=1;\
TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/cmake/tsan.supp history_size=7")
endfunction()
