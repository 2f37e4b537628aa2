#include "runtime/collectives/collective_group.h"

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

#include <mutex>
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

struct Entry {
  WeakGroupPtr group;
  c10::DeviceIndex device;
  std::shared_ptr<DeviceGroup> made;
};

// The table of groups: finds the one for `group` on `device`, which becomes `made` if there is
// none. One whose process group is gone is destroyed, but only once nothing else refers to it,
// because the work queued on its thread is lost with it.
std::shared_ptr<DeviceGroup> find_group(const GroupPtr& group, c10::DeviceIndex device,
                                        std::shared_ptr<DeviceGroup> made = nullptr) {
  // Leaked: collectives may run until the very end.
  static auto* mutex = new std::mutex;
  static auto* all = new std::vector<Entry>;
  std::vector<std::shared_ptr<DeviceGroup>> gone;  // given up without the lock
  const std::lock_guard lock(*mutex);
  std::erase_if(*all, [&gone](Entry& each) {
    if (!each.group.expired() || each.made.use_count() > 1) return false;
    gone.push_back(std::move(each.made));
    return true;
  });
  for (const auto& each : *all)
    if (each.device == device && each.group == WeakGroupPtr(group)) return each.made;
  if (made) all->push_back({WeakGroupPtr(group), device, made});
  return made;
}

}  // namespace

DeviceGroup::DeviceGroup(ProcessGroup& group, c10::DeviceIndex device)
    : on_cpu(group_on_cpu(group, device)),
      stream(c10::xpu::getStreamFromPool(/*isHighPriority=*/false, device)) {}

void DeviceGroup::keep_error(std::exception_ptr error) {
  error_.withLock([&error](auto& first) {
    if (!first) first = std::move(error);
  });
}

void DeviceGroup::rethrow_error() const {
  if (const auto error = error_.withLock([](const auto& first) { return first; }))
    std::rethrow_exception(error);
}

std::shared_ptr<DeviceGroup> DeviceGroup::of(const GroupPtr& group, c10::DeviceIndex device) {
  if (auto found = find_group(group, device)) return found;
  return find_group(group, device, std::make_shared<DeviceGroup>(*group, device));
}

}  // namespace xpu_runtime
