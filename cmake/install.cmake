# What `cmake --install` installs, in two components:
#   programs     lossd and lossctl
#   development  the libraries lossd::client and lossd::core with all that they link, their headers below include/lossd
#                (so that they are included as here: "client/cpp/client.h"), and what find_package(lossd CONFIG) finds

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

install(TARGETS lossd lossctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT programs)

set(LOSSD_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/lossd)
install(TARGETS lossd_status lossd_tensor lossd_random lossd_scheduling lossd_engine lossd_device lossd_loss_config lossd_loss lossd_cpc lossd_losses lossd_core
        EXPORT lossd_core ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(TARGETS lossd_proto lossd_wire lossd_client
        EXPORT lossd_client ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
foreach(part core client)
  install(EXPORT lossd_${part} NAMESPACE lossd:: FILE lossd-${part}-targets.cmake DESTINATION ${LOSSD_PACKAGE_DIR}
          COMPONENT development)
endforeach()

install(DIRECTORY core DESTINATION include/lossd COMPONENT development FILES_MATCHING PATTERN "*.h"
        PATTERN "*-inl.h" EXCLUDE PATTERN "aten*" EXCLUDE PATTERN "process" EXCLUDE)
foreach(header client client_options compute_request compute_response error_details loss_spec origin)
  install(FILES client/cpp/${header}.h DESTINATION include/lossd/client/cpp COMPONENT development)
endforeach()

configure_package_config_file(cmake/lossd-config.cmake.in ${PROJECT_BINARY_DIR}/lossd-config.cmake
                              INSTALL_DESTINATION ${LOSSD_PACKAGE_DIR} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lossd-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/lossd-config.cmake ${PROJECT_BINARY_DIR}/lossd-config-version.cmake
        DESTINATION ${LOSSD_PACKAGE_DIR} COMPONENT development)
