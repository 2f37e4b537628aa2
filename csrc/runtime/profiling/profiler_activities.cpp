#include "runtime/profiling/profiler_activities.h"

#include <algorithm>
#include <limits>
#include <map>
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
using trace::EventOp;
using trace::EventRecord;
using trace::TaskRecord;

constexpr std::int64_t kLongestMark = 1000;
constexpr std::int64_t kShortestMark = 8;
// Kineto draws an annotation this much longer at each end; viewers drop bars that overlap.
constexpr std::int64_t kMargin = 2;

struct Bar {
  std::int64_t begin;
  std::int64_t end;
};

// What the row of a stream shows, in the order in which the stream got past it.
struct Entry {
  std::int64_t begin;
  std::int64_t end;
  std::size_t event;  // index in the log, or kNone for a task
};
constexpr auto kNone = std::numeric_limits<std::size_t>::max();

using Lanes = std::map<std::pair<c10::DeviceIndex, c10::StreamId>, std::vector<Entry>>;

// When the stream got past each record, at the latest just before a wait that it released: that is
// noted by a task behind the record, and the other stream may be faster.
std::vector<std::int64_t> passed(const std::vector<EventRecord>& events) {
  std::vector<std::int64_t> times;
  std::unordered_map<std::uintptr_t, std::size_t> latest;
  for (const auto& event : events) {
    times.push_back(event.end_ns);
    if (event.op == EventOp::record) {
      latest[event.event] = times.size() - 1;
    } else if (event.end_ns == 0) {
      continue;  // not over yet
    } else if (const auto record = latest.find(event.event); record != latest.end()) {
      auto& time = times[record->second];
      time = std::min(time, event.end_ns - kLongestMark / 10);
    }
  }
  return times;
}

Lanes lanes_of(const trace::Log& log) {
  Lanes lanes;
  for (const auto& task : log.tasks)
    lanes[{task.device, task.stream}].push_back({task.start_ns, task.end_ns, kNone});
  const auto times = passed(log.events);
  for (std::size_t i = 0; i < log.events.size(); ++i) {
    const auto& event = log.events[i];
    if (event.end_ns == 0 || event.op == EventOp::synchronize) continue;
    lanes[{event.device, event.stream}].push_back({times[i], times[i], i});
  }
  for (auto& [lane, entries] : lanes)
    std::sort(entries.begin(), entries.end(), [](auto& a, auto& b) { return a.end < b.end; });
  return lanes;
}

// A record is short, with room for what follows. A wait lasts while it holds the stream.
std::vector<Bar> bars_of(const trace::Log& log) {
  std::vector<Bar> bars(log.events.size());
  for (const auto& [lane, entries] : lanes_of(log)) {
    std::int64_t free = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const auto& entry = entries[i];
      if (entry.event == kNone) {
        free = entry.end;
        continue;
      }
      const auto& event = log.events[entry.event];
      const auto room =
          i + 1 < entries.size() ? (entries[i + 1].begin - entry.end) / 2 : kLongestMark;
      const bool is_record = event.op == EventOp::record;
      const auto begin = std::max(free + kMargin, is_record ? entry.end : event.submit_ns);
      const auto end = is_record ? begin + std::min(room, kLongestMark) : entry.end - kMargin;
      bars[entry.event] = {begin, std::max(end, begin + kShortestMark)};
      free = bars[entry.event].end + kMargin;
    }
  }
  return bars;
}

class Writer {
 public:
  Writer(const trace::Log& log, std::int64_t epoch_ns, const FindOperation& find_operation)
      : log_(log), epoch_ns_(epoch_ns), find_operation_(find_operation), bars_(bars_of(log)) {}

  std::unique_ptr<CpuTraceBuffer> write() {
    buffer_->span = libkineto::TraceSpan(0, 0, "xpu");
    buffer_->gpuOpCount = static_cast<int>(log_.tasks.size());
    for (const auto& task : log_.tasks) add_task(task);
    for (std::size_t i = 0; i < log_.events.size(); ++i) add_event(i);
    return std::move(buffer_);
  }

 private:
  template <class Record>
  GenericTraceActivity& add(ActivityType type, std::string_view name, Bar bar,
                            const Record& record) {
    buffer_->emplace_activity(buffer_->span, type, std::string(name));
    auto& activity = CpuTraceBuffer::toRef(buffer_->activities.back());
    activity.startTime = epoch_ns_ + bar.begin;
    activity.endTime = epoch_ns_ + bar.end;
    activity.device = record.device;
    activity.resource = row_of(record.stream);
    activity.id = static_cast<std::int32_t>(record.operation);
    activity.linked = record.operation ? find_operation_(activity.id) : nullptr;
    activity.addMetadata("device", static_cast<int>(record.device));
    activity.addMetadata("stream", record.stream);
    return activity;
  }

  void add_task(const TaskRecord& task) {
    const bool is_copy = task.name.starts_with("copy_");
    add(is_copy ? ActivityType::GPU_MEMCPY : ActivityType::CONCURRENT_KERNEL, task.name,
        {task.start_ns, task.end_ns}, task);
  }

  void add_event(std::size_t index) {
    const auto& event = log_.events[index];
    if (event.end_ns == 0) return;
    if (event.op == EventOp::record) {
      latest_record_[event.event] = &add_mark(event, "xpu_event::record", bars_[index]);
    } else if (event.op == EventOp::wait) {
      add_mark(event, "xpu_event::wait", bars_[index]);
      add_end_of_wait(event, bars_[index]);
    }
  }

  // Kineto lets an arrow end where a bar begins, so the end of the wait is a bar inside its bar.
  void add_end_of_wait(const EventRecord& event, Bar wait) {
    const auto found = latest_record_.find(event.event);
    if (found == latest_record_.end()) return;  // recorded before the profiler was on
    auto& record = *found->second;
    if (record.flow.id == 0) connect(record, ++flows_, /*start=*/true);
    const auto recorded = record.startTime - epoch_ns_;
    const auto last = wait.end - kMargin;
    const auto begin = std::max({wait.begin, last - kLongestMark, recorded}) + kMargin;
    auto unlinked = event;  // its time is counted with the wait
    unlinked.operation = 0;
    auto& end = add_mark(unlinked, "xpu_event::wait ends", {std::min(begin, last), last});
    connect(end, record.flow.id, /*start=*/false);
  }

  GenericTraceActivity& add_mark(const EventRecord& event, std::string_view name, Bar bar) {
    auto& mark = add(ActivityType::GPU_USER_ANNOTATION, name, bar, event);
    mark.addMetadata("event", event.event);
    return mark;
  }

  static void connect(GenericTraceActivity& activity, std::uint32_t flow, bool start) {
    activity.flow.id = flow;
    activity.flow.type = libkineto::kLinkAsyncCpuGpu;
    activity.flow.start = start;
  }

  const trace::Log& log_;
  std::int64_t epoch_ns_;
  const FindOperation& find_operation_;
  std::vector<Bar> bars_;
  std::unique_ptr<CpuTraceBuffer> buffer_ = std::make_unique<CpuTraceBuffer>();
  std::uint32_t flows_ = 0;
  std::unordered_map<std::uintptr_t, GenericTraceActivity*> latest_record_;  // by event
};

}  // namespace

std::int32_t row_of(c10::StreamId stream) noexcept {
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max());
  return static_cast<std::int32_t>(static_cast<std::uint64_t>(stream) % kLargest) + 1;
}

std::unique_ptr<CpuTraceBuffer> activities_of(const trace::Log& log, std::int64_t epoch_ns,
                                              const FindOperation& find_operation) {
  return Writer(log, epoch_ns, find_operation).write();
}

}  // namespace xpu_runtime::profiler
