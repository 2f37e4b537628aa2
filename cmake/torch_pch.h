// Precompiled for the targets that include torch headers. Only what changes with torch or SYCL;
// a header of this project in here would rebuild everything at each edit. No pybind11: each object
// would carry its dispatcher, which costs seconds of compile time and undefined Python symbols.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/Event.h>
#include <c10/xpu/XPUFunctions.h>
#include <c10/xpu/XPUStream.h>
#include <torch/library.h>

#include <sycl/sycl.hpp>
