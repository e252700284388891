# As an overlay port, this takes the tree that it stands in. Packager: for a registry, get the release
# with vcpkg_from_git or vcpkg_download_distfile here, and add "homepage" to vcpkg.json.
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

# Headers alone: a debug build would install the same.
set(VCPKG_BUILD_TYPE release)

vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS
    -DHEDDLE_BUILD_TESTS=OFF
    -DHEDDLE_BUILD_EXAMPLES=OFF
    -DHEDDLE_BUILD_BENCH=OFF
    -DHEDDLE_BUILD_DOCS=OFF
)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH share/cmake/heddle)
vcpkg_fixup_pkgconfig()

# The licence goes where vcpkg wants it.
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/share/doc")
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
