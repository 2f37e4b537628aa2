#define BOOST_TEST_NO_MAIN
#define BOOST_TEST_ALTERNATIVE_INIT_API
#include <cstdlib>
#include <iostream>

#include <boost/test/unit_test.hpp>
#include <sycl/sycl.hpp>

#include "tests/device.h"

namespace {

bool init_unit_test() { return true; }

}  // namespace

int main(int argc, char* argv[]) {
  try {
    static_cast<void>(xpu_event::testing::make_queue());
  } catch (const sycl::exception& error) {
    const char* runtime = std::getenv("OCL_ICD_FILENAMES");
    std::cerr << "The tests need a SYCL device, and there is none: " << error.what()
              << "\nOCL_ICD_FILENAMES is " << (runtime != nullptr ? runtime : "not set")
              << ". Install the OpenCL CPU runtime into this environment: "
                 "pip install intel-opencl-rt\n";
    return EXIT_FAILURE;
  }
  return boost::unit_test::unit_test_main(&init_unit_test, argc, argv);
}
