#pragma once

namespace xpu_runtime {

/// A scope in which OpenMP teams of this thread have one member.
///
/// Every worker of the OpenCL runtime would otherwise start a team of its own, which makes a small
/// matmul a thousand times slower.
class SingleKernelThread {
 public:
  SingleKernelThread();
  ~SingleKernelThread();
  SingleKernelThread(const SingleKernelThread&) = delete;
  SingleKernelThread& operator=(const SingleKernelThread&) = delete;
  SingleKernelThread(SingleKernelThread&&) = delete;
  SingleKernelThread& operator=(SingleKernelThread&&) = delete;

 private:
  int previous_;
};

}  // namespace xpu_runtime
