#[[
Finds Boost.Test and defines `BoostTest::framework`. The `cmeel-boost` wheel carries it, so the
tests need nothing from the system; BOOST_ROOT or a system Boost is used as well.
]]
execute_process(
  COMMAND ${Python_EXECUTABLE} -c "import sysconfig; print(sysconfig.get_path('platlib'))"
  WORKING_DIRECTORY ${CMAKE_BINARY_DIR}
  OUTPUT_VARIABLE platlib OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)

set(boost_tried "")
foreach(prefix IN ITEMS "${BOOST_ROOT}" "$ENV{BOOST_ROOT}" "${platlib}/cmeel.prefix" /usr/local /usr)
  set(header "${prefix}/include/boost/test/unit_test.hpp")
  file(GLOB libraries "${prefix}/lib/libboost_unit_test_framework.so"
       "${prefix}/lib/*-linux-gnu/libboost_unit_test_framework.so")
  string(APPEND boost_tried "\n    ${header} and lib/libboost_unit_test_framework.so")
  if(EXISTS "${header}" AND libraries)
    list(GET libraries 0 BoostTest_LIBRARY)
    set(BoostTest_INCLUDE_DIR "${prefix}/include")
    break()
  endif()
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(BoostTest
  REQUIRED_VARS BoostTest_LIBRARY BoostTest_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "Boost.Test is needed for the C++ tests (XPU_EVENT_TESTS).
  Tried:${boost_tried}
  Install it into this environment: `pip install cmeel-boost`.
 ")

if(BoostTest_FOUND AND NOT TARGET BoostTest::framework)
  add_library(BoostTest::framework SHARED IMPORTED)
  set_target_properties(BoostTest::framework PROPERTIES
    IMPORTED_LOCATION "${BoostTest_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${BoostTest_INCLUDE_DIR}"
    INTERFACE_COMPILE_DEFINITIONS BOOST_TEST_DYN_LINK)
endif()
