#include "runtime/collectives/collective_group.h"

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace xpu_runtime {
namespace {

using c10d::Backend;
using c10d::ProcessGroup;
using GroupPtr = c10::intrusive_ptr<ProcessGroup>;
using WeakGroupPtr = c10::weak_intrusive_ptr<ProcessGroup>;

constexpr const char* kCarriedOut =
    "Collectives on this xpu device are carried out by the CPU backend of the process group, but "
    "group '";

void check_backend(ProcessGroup& group) {
  TORCH_CHECK(group.hasBackendForDeviceType(c10::kCPU), kCarriedOut, group.getGroupName(),
              "' has none. Give it one: init_process_group(\"gloo\").");
  TORCH_CHECK(!group.hasBackendForDeviceType(c10::kXPU) ||
                  group.getBackend(c10::kXPU) == group.getBackend(c10::kCPU),
              kCarriedOut, group.getGroupName(),
              "' has another one for xpu. Leave that out: init_process_group(\"gloo\").");
}

// Groups that need no connections (torch's fake ones) cannot be split either.
c10::intrusive_ptr<Backend> own_connections(ProcessGroup& group, c10::DeviceIndex device) {
  auto backend = group.getBackend(c10::kCPU);
  if (!backend->supportsSplitting()) return backend;
  std::vector<int> ranks(group.getSize());
  std::iota(ranks.begin(), ranks.end(), 0);
  const auto store =
      c10::make_intrusive<c10d::PrefixStore>("xpu" + std::to_string(device), group.getStore());
  const auto options = backend->getBackendOptions();
  // gloo's split reads past the end of an empty list for all but the first group of a process.
  auto& global_ranks = options->global_ranks_in_group;
  if (global_ranks.empty()) global_ranks.assign(ranks.begin(), ranks.end());
  return backend->split(store, ranks, options);
}

GroupPtr group_on_cpu(ProcessGroup& group, c10::DeviceIndex device) {
  check_backend(group);
  auto result =
      c10::make_intrusive<ProcessGroup>(group.getStore(), group.getRank(), group.getSize());
  result->setBackend(c10::kCPU, group.getBackendType(), own_connections(group, device));
  result->setDefaultBackend(group.getBackendType());
  return result;
}

// The groups of the process. One whose process group is gone is destroyed, but only once nothing
// else refers to it, because the work queued on its thread is lost with it.
class AllGroups {
 public:
  std::shared_ptr<DeviceGroup> find(const GroupPtr& group, c10::DeviceIndex device) {
    std::vector<std::shared_ptr<DeviceGroup>> gone;  // given up without the lock
    const std::lock_guard lock(mutex_);
    std::erase_if(all_, [&gone](Entry& each) {
      if (!each.group.expired() || each.made.use_count() > 1) return false;
      gone.push_back(std::move(each.made));
      return true;
    });
    return find_here(group, device);
  }

  std::shared_ptr<DeviceGroup> add(const GroupPtr& group, c10::DeviceIndex device,
                                   const std::shared_ptr<DeviceGroup>& made) {
    const std::lock_guard lock(mutex_);
    if (auto earlier = find_here(group, device)) return earlier;
    all_.push_back({WeakGroupPtr(group), device, made});
    return made;
  }

 private:
  struct Entry {
    WeakGroupPtr group;
    c10::DeviceIndex device;
    std::shared_ptr<DeviceGroup> made;
  };

  std::shared_ptr<DeviceGroup> find_here(const GroupPtr& group, c10::DeviceIndex device) const {
    for (const auto& each : all_)
      if (each.device == device && each.group == WeakGroupPtr(group)) return each.made;
    return nullptr;
  }

  std::mutex mutex_;
  std::vector<Entry> all_;
};

}  // namespace

DeviceGroup::DeviceGroup(ProcessGroup& group, c10::DeviceIndex device)
    : on_cpu(group_on_cpu(group, device)),
      stream(c10::xpu::getStreamFromPool(/*isHighPriority=*/false, device)) {}

void DeviceGroup::keep_error(std::exception_ptr error) {
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = std::move(error);
}

void DeviceGroup::rethrow_error() const {
  const std::lock_guard lock(mutex_);
  if (error_) std::rethrow_exception(error_);
}

std::shared_ptr<DeviceGroup> DeviceGroup::of(const GroupPtr& group, c10::DeviceIndex device) {
  static auto* all = new AllGroups;  // leaked: collectives may run until the very end
  if (auto found = all->find(group, device)) return found;
  return all->add(group, device, std::make_shared<DeviceGroup>(*group, device));
}

}  // namespace xpu_runtime
