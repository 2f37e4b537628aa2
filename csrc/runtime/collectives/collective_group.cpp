#include "runtime/collectives/collective_group.h"

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

#include <map>
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
  std::shared_ptr<DeviceGroup> find(const ProcessGroup& group, c10::DeviceIndex device) {
    std::vector<std::shared_ptr<DeviceGroup>> gone;  // given up without the lock
    const std::lock_guard lock(mutex_);
    retire();
    for (auto& each : retired_) {
      if (each.use_count() == 1) gone.push_back(std::move(each));
    }
    std::erase(retired_, nullptr);
    const auto found = groups_.find({&group, device});
    return found == groups_.end() ? nullptr : found->second.second;
  }

  std::shared_ptr<DeviceGroup> add(const GroupPtr& group, c10::DeviceIndex device,
                                   const std::shared_ptr<DeviceGroup>& made) {
    const std::lock_guard lock(mutex_);
    const std::pair key(group.get(), device);
    return groups_.try_emplace(key, WeakGroupPtr(group), made).first->second.second;
  }

 private:
  void retire() {
    for (auto each = groups_.begin(); each != groups_.end();) {
      if (!each->second.first.expired()) {
        ++each;
        continue;
      }
      retired_.push_back(std::move(each->second.second));
      each = groups_.erase(each);
    }
  }

  std::mutex mutex_;
  std::vector<std::shared_ptr<DeviceGroup>> retired_;
  std::map<std::pair<const ProcessGroup*, c10::DeviceIndex>,
           std::pair<WeakGroupPtr, std::shared_ptr<DeviceGroup>>>
      groups_;
};

}  // namespace

void GroupError::keep(std::exception_ptr error) {
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = std::move(error);
}

void GroupError::rethrow() const {
  const std::lock_guard lock(mutex_);
  if (error_) std::rethrow_exception(error_);
}

DeviceGroup::DeviceGroup(ProcessGroup& group, c10::DeviceIndex device)
    : on_cpu_(group_on_cpu(group, device)),
      stream_(c10::xpu::getStreamFromPool(/*isHighPriority=*/false, device)) {}

std::shared_ptr<DeviceGroup> DeviceGroup::of(const GroupPtr& group, c10::DeviceIndex device) {
  static auto* all = new AllGroups;  // leaked: collectives may run until the very end
  if (auto found = all->find(*group, device)) return found;
  return all->add(group, device, std::make_shared<DeviceGroup>(*group, device));
}

}  // namespace xpu_runtime
