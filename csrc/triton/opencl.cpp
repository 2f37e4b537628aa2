#include "triton/opencl.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <vector>

#include "event/opencl.h"

namespace xpu_triton {
namespace {

using xpu_event::find_opencl_function;

template <class Function>
Function* find(const char* name) {
  return find_opencl_function<Function>(name);
}

struct Functions {
#define XPU_TRITON_FUNCTION(name) decltype(&::name) name = find<decltype(::name)>(#name)
  XPU_TRITON_FUNCTION(clBuildProgram);
  XPU_TRITON_FUNCTION(clCreateKernel);
  XPU_TRITON_FUNCTION(clCreateProgramWithBinary);
  XPU_TRITON_FUNCTION(clCreateProgramWithIL);
  XPU_TRITON_FUNCTION(clEnqueueNDRangeKernel);
  XPU_TRITON_FUNCTION(clGetExtensionFunctionAddressForPlatform);
  XPU_TRITON_FUNCTION(clGetKernelInfo);
  XPU_TRITON_FUNCTION(clGetKernelWorkGroupInfo);
  XPU_TRITON_FUNCTION(clGetProgramBuildInfo);
  XPU_TRITON_FUNCTION(clGetProgramInfo);
  XPU_TRITON_FUNCTION(clReleaseProgram);
  XPU_TRITON_FUNCTION(clSetKernelArg);
#undef XPU_TRITON_FUNCTION
};

const Functions& opencl() {
  static const Functions functions;
  return functions;
}

cl_program create(cl_context context, cl_device_id device, const Code& code) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(code.bytes.data());
  const auto size = code.bytes.size();
  cl_int status = CL_SUCCESS;
  auto* const program =
      code.is_binary
          ? opencl().clCreateProgramWithBinary(context, 1, &device, &size, &bytes, nullptr, &status)
          : opencl().clCreateProgramWithIL(context, bytes, size, &status);
  return status == CL_SUCCESS ? program : nullptr;
}

std::string build_log(cl_program program, cl_device_id device) {
  const auto read = opencl().clGetProgramBuildInfo;
  std::size_t size = 0;
  check(read(program, device, CL_PROGRAM_BUILD_LOG, 0, nullptr, &size), "clGetProgramBuildInfo");
  std::string log(size, '\0');
  check(read(program, device, CL_PROGRAM_BUILD_LOG, size, log.data(), nullptr),
        "clGetProgramBuildInfo");
  return log.substr(0, log.find('\0'));
}

template <class Value>
std::vector<Value> program_info(cl_program program, cl_program_info what) {
  std::size_t size = 0;
  check(opencl().clGetProgramInfo(program, what, 0, nullptr, &size), "clGetProgramInfo");
  std::vector<Value> values(size / sizeof(Value));
  check(opencl().clGetProgramInfo(program, what, size, values.data(), nullptr), "clGetProgramInfo");
  return values;
}

}  // namespace

void check(cl_int code, const char* function) {
  TORCH_CHECK(code == CL_SUCCESS, function, " failed with OpenCL error ", code, ".");
}

cl_program build(cl_context context, cl_device_id device, const Code& code,
                 const std::string& flags, std::string& log) {
  auto* const program = create(context, device, code);
  if (!program) {
    log = "OpenCL does not take the program.";
    return nullptr;
  }
  const auto status = opencl().clBuildProgram(program, 1, &device, flags.c_str(), nullptr, nullptr);
  if (status == CL_SUCCESS) return program;
  log = build_log(program, device);
  check(opencl().clReleaseProgram(program), "clReleaseProgram");
  return nullptr;
}

std::string binary_of(cl_program program, cl_device_id device) {
  const auto devices = program_info<cl_device_id>(program, CL_PROGRAM_DEVICES);
  std::vector<std::string> binaries;
  std::vector<char*> places;
  for (const auto size : program_info<std::size_t>(program, CL_PROGRAM_BINARY_SIZES))
    binaries.emplace_back(size, '\0');
  for (auto& binary : binaries) places.push_back(binary.data());
  check(opencl().clGetProgramInfo(program, CL_PROGRAM_BINARIES, places.size() * sizeof(places[0]),
                                  places.data(), nullptr),
        "clGetProgramInfo");
  return binaries.at(std::find(devices.begin(), devices.end(), device) - devices.begin());
}

cl_kernel make_kernel(cl_program program, const std::string& name) {
  cl_int status = CL_SUCCESS;
  auto* const kernel = opencl().clCreateKernel(program, name.c_str(), &status);
  check(status, "clCreateKernel");
  return kernel;
}

cl_uint argument_count(cl_kernel kernel) {
  cl_uint count = 0;
  check(opencl().clGetKernelInfo(kernel, CL_KERNEL_NUM_ARGS, sizeof(count), &count, nullptr),
        "clGetKernelInfo");
  return count;
}

std::size_t largest_work_group(cl_kernel kernel, cl_device_id device) {
  std::size_t size = 0;
  check(opencl().clGetKernelWorkGroupInfo(kernel, device, CL_KERNEL_WORK_GROUP_SIZE, sizeof(size),
                                          &size, nullptr),
        "clGetKernelWorkGroupInfo");
  return size;
}

SetPointer find_set_pointer(cl_platform_id platform) {
  constexpr auto* kName = "clSetKernelArgMemPointerINTEL";
  auto* const found = opencl().clGetExtensionFunctionAddressForPlatform(platform, kName);
  TORCH_CHECK(found, "The OpenCL driver of the xpu device has no ", kName,
              ". Triton kernels need a driver with cl_intel_unified_shared_memory.");
  return reinterpret_cast<SetPointer>(found);
}

void set_bytes(cl_kernel kernel, cl_uint index, const void* bytes, std::size_t size) {
  check(opencl().clSetKernelArg(kernel, index, size, bytes), "clSetKernelArg");
}

void enqueue(cl_command_queue queue, cl_kernel kernel, const std::size_t (&groups)[3],
             std::size_t width) {
  const std::size_t all[] = {groups[0] * width, groups[1], groups[2]};
  const std::size_t local[] = {width, 1, 1};
  check(opencl().clEnqueueNDRangeKernel(queue, kernel, 3, nullptr, all, local, 0, nullptr, nullptr),
        "clEnqueueNDRangeKernel");
}

}  // namespace xpu_triton
