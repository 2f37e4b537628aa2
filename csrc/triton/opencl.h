#pragma once

#include <CL/cl.h>

#include <cstddef>
#include <string>

/// What programs and kernels need of OpenCL, by way of the loader that SYCL has loaded.
namespace xpu_triton {

/// A program on its way: SPIR-V, or what `binary_of` returned in this or in another process.
struct Code {
  const std::string& bytes;
  bool is_binary;
};

/// Makes and builds a program for one device of a context.
///
/// Args:
///   log: takes what the compiler says when it refuses the program.
///
/// Returns:
///   The program, which the caller releases; null if the compiler refuses it.
[[nodiscard]] cl_program build(cl_context context, cl_device_id device, const Code& code,
                               const std::string& flags, std::string& log);

/// What the compiler made of a built program, for this device and its driver.
[[nodiscard]] std::string binary_of(cl_program program, cl_device_id device);

/// The kernel of a built program, which it keeps alive; throws if there is none of that name.
[[nodiscard]] cl_kernel make_kernel(cl_program program, const std::string& name);

/// How many arguments a kernel takes.
[[nodiscard]] cl_uint argument_count(cl_kernel kernel);

/// The most work items that a work group of the kernel may have.
[[nodiscard]] std::size_t largest_work_group(cl_kernel kernel, cl_device_id device);

/// Sets an argument that is an address of unified shared memory.
using SetPointer = cl_int (*)(cl_kernel, cl_uint, const void*);

/// The function for that, an extension of the driver; throws if the driver has none.
[[nodiscard]] SetPointer find_set_pointer(cl_platform_id platform);

/// Sets an argument that is a number, or, without bytes, the size of local memory.
void set_bytes(cl_kernel kernel, cl_uint index, const void* bytes, std::size_t size);

/// Starts work groups of `width` work items each, in order with what is in the queue.
void enqueue(cl_command_queue queue, cl_kernel kernel, const std::size_t (&groups)[3],
             std::size_t width);

/// Throws if an OpenCL function failed.
void check(cl_int code, const char* function);

}  // namespace xpu_triton
