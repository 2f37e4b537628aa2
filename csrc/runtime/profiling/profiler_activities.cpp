#include "runtime/profiling/profiler_activities.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace xpu_runtime::profiler {
namespace {

using libkineto::ActivityType;
using libkineto::CpuTraceBuffer;
using libkineto::GenericTraceActivity;
using FindOperation = libkineto::getLinkedActivityCallback;
using trace::Op;
using trace::Record;

constexpr std::int64_t kLongestMark = 1000;
constexpr std::int64_t kShortestMark = 8;
// Between bars, because viewers drop those that overlap.
constexpr std::int64_t kMargin = 2;
// Waits of the host are on rows from this one on.
constexpr std::int32_t kFirstHostRow = 1'000'000'001;

// Kineto's names of what is no kernel.
const std::map<std::string_view, const char*> kMemoryTasks{
    {"copy_ host to device", "Memcpy HtoD (Pageable -> Device)"},
    {"copy_ pinned host to device", "Memcpy HtoD (Pinned -> Device)"},
    {"copy_ device to host", "Memcpy DtoH (Device -> Pageable)"},
    {"copy_ device to pinned host", "Memcpy DtoH (Device -> Pinned)"},
    {"aten::_local_scalar_dense", "Memcpy DtoH (Device -> Pageable)"},
    {"copy_", "Memcpy DtoD (Device -> Device)"},
    {"resize_", "Memcpy DtoD (Device -> Device)"},
    {"copy_ device to device", "Memcpy PtoP (Device -> Device)"},
    {"aten::zero_", "Memset (Device)"}};
// By Op; the last is what CUDA calls a wait for a device.
constexpr std::array kEventOps{"",           "Event Record", "Stream Wait Event",
                               "Event Sync", "Stream Sync",  "Context Sync"};

std::int32_t row_of(const c10::Stream& stream) noexcept {
  return static_cast<std::int32_t>(static_cast<std::uint64_t>(stream.id()) % kFirstHostRow) + 1;
}

struct Bar {
  std::int64_t begin;
  std::int64_t end;
};

class Writer {
 public:
  Writer(const trace::Log& log, std::int64_t epoch_ns, const FindOperation& find_operation)
      : log_(log), epoch_ns_(epoch_ns), find_operation_(find_operation) {}

  // In the order in which things ended, because a wait lasts from what was before it on its row.
  Activities write() {
    made_.buffer->span = libkineto::TraceSpan(0, 0, "xpu");
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < log_.size(); ++i)
      if (log_[i].end_ns != 0) order.push_back(i);
    std::ranges::sort(order, {}, [&](auto i) { return log_[i].end_ns; });
    for (const auto i : order) {
      if (log_[i].op == Op::task)
        add_task(log_[i]);
      else if (log_[i].op <= Op::wait)
        marks_[i] = &add_event(log_[i]);
      else
        add_host_wait(log_[i]);
    }
    add_arrows();
    return std::move(made_);
  }

 private:
  GenericTraceActivity& add(ActivityType type, const std::string& name, Bar bar,
                            const Record& record) {
    made_.buffer->emplace_activity(made_.buffer->span, type, name);
    auto& activity = CpuTraceBuffer::toRef(made_.buffer->activities.back());
    activity.startTime = epoch_ns_ + bar.begin;
    activity.endTime = epoch_ns_ + bar.end;
    activity.device = record.stream.device_index();
    activity.resource = row_of(record.stream);
    activity.id = static_cast<std::int32_t>(record.operation);
    activity.linked = record.operation ? find_operation_(activity.id) : nullptr;
    activity.addMetadata("device", activity.device);
    return activity;
  }

  // When the row of a stream is free again.
  std::int64_t& free_from(const Record& record) {
    const auto id = record.stream.id();
    const Row row{record.stream.device_index(), row_of(record.stream)};
    made_.rows[row] = id == 0 ? "default stream" : "stream " + std::to_string(id);
    return free_from_[row];
  }

  void add_task(const Record& task) {
    auto type = ActivityType::CONCURRENT_KERNEL;
    // With the very name of an operator, torch would take it for a call.
    auto name = task.name + (task.name.find("::") == std::string::npos ? "" : " kernel");
    if (const auto found = kMemoryTasks.find(task.name); found != kMemoryTasks.end()) {
      name = found->second;
      type = name.starts_with("Memset") ? ActivityType::GPU_MEMSET : ActivityType::GPU_MEMCPY;
    }
    auto& activity = add(type, name, {task.start_ns, task.end_ns}, task);
    activity.addMetadata("stream", task.stream.id());
    activity.addMetadata("correlation", made_.buffer->activities.size());
    free_from(task) = task.end_ns;
  }

  // A record is short, a wait lasts while it holds the stream.
  GenericTraceActivity& add_event(const Record& event) {
    auto& free = free_from(event);
    const auto earliest = event.op == Op::record ? event.end_ns - kLongestMark : event.submit_ns;
    const auto begin = std::max(free + kMargin, earliest);
    const auto end = std::max(event.end_ns - kMargin, begin + kShortestMark);
    free = end;
    return add_mark(event, {begin, end});
  }

  // They come in the order of their ends, so bars of a row do not overlap.
  void add_host_wait(const Record& event) {
    auto& ends = host_rows_[event.stream.device_index()];
    auto row = std::ranges::find_if(ends, [&](auto end) { return end <= event.submit_ns; });
    if (row == ends.end()) row = ends.insert(row, 0);
    *row = event.end_ns;
    auto& mark = add_mark(event, {event.submit_ns, event.end_ns});
    mark.resource = kFirstHostRow + static_cast<std::int32_t>(row - ends.begin());
    made_.rows[{mark.device, mark.resource}] = "waits of the host";
    if (event.op != Op::device_sync) mark.addMetadata("wait_on_stream", event.stream.id());
  }

  // Without "stream": what has one is work, to tools such as Holistic Trace Analysis.
  GenericTraceActivity& add_mark(const Record& event, Bar bar) {
    const bool is_record = event.op == Op::record;
    auto& mark = add(is_record ? ActivityType::GPU_USER_ANNOTATION : ActivityType::CUDA_SYNC,
                     kEventOps.at(static_cast<std::size_t>(event.op)), bar, event);
    if (event.event) mark.addMetadata("event", reinterpret_cast<std::uintptr_t>(event.event));
    return mark;
  }

  // In the order of issue: from each wait to the last record before it, if that is in the log.
  void add_arrows() {
    std::unordered_map<const void*, std::size_t> latest;
    for (std::size_t i = 0; i < log_.size(); ++i) {
      if (log_[i].op == Op::record) latest[log_[i].event] = i;
      const auto record = latest.find(log_[i].event);
      if (log_[i].op == Op::wait && marks_[i] && record != latest.end())
        add_arrow(record->second, i);
    }
  }

  // Kineto lets an arrow end where a bar begins, so the end of the wait is a bar inside its bar.
  void add_arrow(std::size_t from, std::size_t to) {
    auto& record = *marks_[from];
    auto& wait = *marks_[to];
    if (record.flow.id == 0) connect(record, ++flows_, /*start=*/true);
    wait.addMetadata("wait_on_stream", log_[from].stream.id());
    const auto last = wait.endTime - kMargin;
    const auto begin = std::max({wait.startTime, last - kLongestMark, record.startTime}) + kMargin;
    auto& end = add_mark(log_[to], {std::min(begin, last) - epoch_ns_, last - epoch_ns_});
    end.activityName += " ends";
    end.linked = nullptr;
    connect(end, record.flow.id, /*start=*/false);
  }

  static void connect(GenericTraceActivity& activity, std::uint32_t flow, bool start) {
    activity.flow.id = flow;
    activity.flow.type = libkineto::kLinkAsyncCpuGpu;
    activity.flow.start = start;
  }

  const trace::Log& log_;
  std::int64_t epoch_ns_;
  const FindOperation& find_operation_;
  Activities made_;
  std::uint32_t flows_ = 0;
  std::map<Row, std::int64_t> free_from_;
  std::map<c10::DeviceIndex, std::vector<std::int64_t>> host_rows_;  // when each was last used
  std::vector<GenericTraceActivity*> marks_ = std::vector<GenericTraceActivity*>(log_.size());
};

}  // namespace

Activities activities_of(const trace::Log& log, std::int64_t epoch_ns,
                         const FindOperation& find_operation) {
  return Writer(log, epoch_ns, find_operation).write();
}

}  // namespace xpu_runtime::profiler
