// A child of Kineto's profiler: it is asked to start and stop with the profiler, and adds what the
// runtime log holds to the trace. Where torch has XPU itself, Intel's PTI does this.
#include "runtime/profiling/profiler.h"

#include <c10/macros/Macros.h>
#include <c10/xpu/XPUFunctions.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/c10_xpu/trace.h"
#include "runtime/profiling/profiler_activities.h"

namespace xpu_runtime {
namespace {

using libkineto::ActivityLogger;
using libkineto::ActivityType;
using libkineto::CpuTraceBuffer;
using libkineto::DeviceInfo;

// When the clock of the log was 0, in nanoseconds since the Unix epoch, which Kineto's times are.
std::int64_t epoch_of_log_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() - trace::now_ns();
}

DeviceInfo info_of(c10::DeviceIndex device) {
  c10::xpu::DeviceProp properties;
  c10::xpu::get_device_properties(&properties, device);
  std::erase_if(properties.name, [](char c) { return c == '"' || c == '\\'; });  // goes into JSON
  const auto label = "xpu:" + std::to_string(device);
  return {device, device + libkineto::kExceedMaxPid, label + " " + properties.name, label};
}

class Session final : public libkineto::IActivityProfilerSession {
 public:
  explicit Session(std::set<ActivityType> wanted) : wanted_(std::move(wanted)) {
    // Records and waits come with kernels: torch 2.13 has no way to ask for them.
    if (wanted_.contains(ActivityType::CONCURRENT_KERNEL))
      wanted_.insert({ActivityType::GPU_USER_ANNOTATION, ActivityType::CUDA_SYNC});
  }
  C10_DISABLE_COPY_AND_ASSIGN(Session);
  ~Session() override {
    if (reader_) (void)trace::stop(*reader_);
  }

  void start() override {
    trace::pause(false);
    reader_ = trace::start();
  }

  void stop() override {
    if (!reader_) return;
    trace::wait_for_all_streams();
    log_ = trace::stop(*std::exchange(reader_, std::nullopt));
    std::erase_if(log_, [](const auto& each) { return each.operation == trace::kPaused; });
  }

  std::vector<std::string> errors() override { return {}; }

  void processTrace(ActivityLogger& logger) override {
    processTrace(logger, [](std::int32_t) { return nullptr; }, 0, 0);
  }

  void processTrace(ActivityLogger& logger, libkineto::getLinkedActivityCallback linked,
                    std::int64_t /*begin_ns*/, std::int64_t /*end_ns*/) override {
    activities_ = profiler::activities_of(log_, epoch_of_log_ns(), linked);
    for (const auto& activity : activities_.buffer->activities)
      if (wanted_.contains(activity->type())) logger.handleActivity(*activity);
    // Here, because getDeviceInfo() can name one device only.
    for (c10::DeviceIndex device = 1; device < c10::xpu::device_count(); ++device)
      logger.handleDeviceInfo(info_of(device), 0);
    for (const auto& [row, name] : activities_.rows)
      logger.handleResourceInfo({row.second, row.second, row.first, name}, 0);
  }
  std::unique_ptr<DeviceInfo> getDeviceInfo() override {
    return std::make_unique<DeviceInfo>(info_of(0));
  }
  std::vector<libkineto::ResourceInfo> getResourceInfos() override { return {}; }

  std::unique_ptr<CpuTraceBuffer> getTraceBuffer() override {
    return std::move(activities_.buffer);
  }

  void pushCorrelationId(std::uint64_t id) override { trace::enter(id); }
  void popCorrelationId() override { trace::leave(); }

 private:
  std::set<ActivityType> wanted_;
  std::optional<trace::Reader> reader_;
  trace::Log log_;
  profiler::Activities activities_;  // the profiler keeps pointers to what is in it
};

class Profiler final : public libkineto::IActivityProfiler {
 public:
  [[nodiscard]] const std::string& name() const override { return name_; }

  [[nodiscard]] const std::set<ActivityType>& availableActivities() const override {
    return activities_;
  }

  std::unique_ptr<libkineto::IActivityProfilerSession> configure(
      const std::set<ActivityType>& wanted, const libkineto::Config& /*config*/) override {
    // These are wanted with ProfilerActivity.XPU, and not with ProfilerActivity.CPU.
    const bool is_wanted =
        std::ranges::any_of(activities_, [&](auto type) { return wanted.contains(type); });
    return is_wanted ? std::make_unique<Session>(wanted) : nullptr;
  }

  std::unique_ptr<libkineto::IActivityProfilerSession> configure(
      std::int64_t /*begin_ms*/, std::int64_t /*duration_ms*/, const std::set<ActivityType>& wanted,
      const libkineto::Config& config) override {
    return configure(wanted, config);
  }

 private:
  std::string name_ = "xpu_dynamo_event";
  std::set<ActivityType> activities_{ActivityType::CONCURRENT_KERNEL, ActivityType::GPU_MEMCPY,
                                     ActivityType::GPU_MEMSET};
};

}  // namespace

void register_profiler() {
  libkineto::api().registerProfilerFactory([] { return std::make_unique<Profiler>(); });
}

}  // namespace xpu_runtime
