# ThreadSanitizer over an Abseil that was built without it: see tsan_abseil.cc. Everything that links lossd_options gets
# it. gRPC and protobuf were built without ThreadSanitizer, too: what goes on inside them is suppressed by name
# (tsan.supp), and what they order is told where a completion queue hands over (server/rpc/completion.cc).

# Protobuf's headers lay out maps otherwise for ThreadSanitizer, its library does not.
target_compile_options(lossd_options INTERFACE -U__SANITIZE_THREAD__ -D_GLIBCXX_TSAN=1 -DLOSSD_THREAD_SANITIZER=1)

get_target_property(LOSSD_ABSL_INCLUDE absl::base INTERFACE_INCLUDE_DIRECTORIES)
file(STRINGS ${LOSSD_ABSL_INCLUDE}/absl/base/options.h LOSSD_ABSL_NAMESPACE
     REGEX "^#define ABSL_OPTION_INLINE_NAMESPACE_NAME ")
string(REGEX REPLACE ".* " "" LOSSD_ABSL_NAMESPACE ${LOSSD_ABSL_NAMESPACE})
string(LENGTH ${LOSSD_ABSL_NAMESPACE} LOSSD_ABSL_NAMESPACE_LENGTH)
set(LOSSD_ABSL_MANGLED 4absl${LOSSD_ABSL_NAMESPACE_LENGTH}${LOSSD_ABSL_NAMESPACE})

add_library(lossd_tsan_abseil STATIC ${CMAKE_CURRENT_LIST_DIR}/tsan_abseil.cc)
target_compile_definitions(lossd_tsan_abseil PRIVATE
  LOSSD_ABSL="_ZN${LOSSD_ABSL_MANGLED}" LOSSD_ABSL_CONST="_ZNK${LOSSD_ABSL_MANGLED}")
target_compile_options(lossd_tsan_abseil PRIVATE -fsanitize=thread)
target_link_libraries(lossd_tsan_abseil PUBLIC absl::synchronization absl::time)
foreach(member 5MutexD1Ev 5Mutex4LockEv 5Mutex6UnlockEv 5Mutex8LockWhenERKNS0_9ConditionE
        5Mutex5AwaitERKNS0_9ConditionE 5Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE
        5Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE 19ReleasableMutexLock7ReleaseEv
        12Notification6NotifyEv 15BlockingCounter14DecrementCountEv 15BlockingCounter4WaitEv)
  target_link_options(lossd_tsan_abseil INTERFACE LINKER:--wrap=_ZN${LOSSD_ABSL_MANGLED}${member})
endforeach()
target_link_options(lossd_tsan_abseil INTERFACE
  LINKER:--wrap=_ZNK${LOSSD_ABSL_MANGLED}12Notification19WaitForNotificationEv
  # Shared libraries' references are renamed too, if only for the linker: there must be a definition in any case.
  LINKER:--undefined=__wrap__ZN${LOSSD_ABSL_MANGLED}5Mutex4LockEv)
target_link_libraries(lossd_options INTERFACE lossd_tsan_abseil)

# Functions of templates that our programs share with gRPC's libraries are ours for both, unless they are hidden.
target_link_options(lossd_options INTERFACE LINKER:--version-script=${CMAKE_CURRENT_LIST_DIR}/tsan.map)
