#include "event/queue_address.h"

#include <dlfcn.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <sstream>
#include <string>

#include <sycl/sycl.hpp>

#include "event/error.h"

namespace xpu_event {
namespace {

// A queue or an event is one std::shared_ptr: where its state is, and the block that counts its
// owners. The block begins with the address of its virtual table, which lies in libsycl, and the
// count.
using Words = std::array<std::uintptr_t, 2>;
static_assert(sizeof(sycl::queue) == sizeof(std::shared_ptr<void>) &&
              sizeof(sycl::queue) == sizeof(Words) && sizeof(sycl::event) == sizeof(Words));

// Two words of this process's memory, or nothing where there is none. Does not fault.
std::optional<Words> peek(std::uintptr_t address) {
  Words words{};
  const iovec to{words.data(), sizeof(words)};
  const iovec from{reinterpret_cast<void*>(address), sizeof(words)};
  const auto got = process_vm_readv(getpid(), &to, 1, &from, 1, 0);
  if (got == sizeof(words)) return words;
  if (got >= 0 || errno == EFAULT) return std::nullopt;     // the memory ends there
  std::memcpy(words.data(), from.iov_base, sizeof(words));  // a sandbox without the system call
  return words;
}

// Where the library begins that an address lies in; null when in none.
const void* library_of(std::uintptr_t address) {
  Dl_info info{};
  return dladdr(reinterpret_cast<void*>(address), &info) != 0 ? info.dli_fbase : nullptr;
}

struct Ownership {
  const void* library;  // of the virtual table
  std::uint32_t owners;
};

std::optional<Ownership> ownership_at(std::uintptr_t object) {
  const auto pointers = peek(object);
  if (!pointers || (*pointers)[0] == 0 || (*pointers)[1] == 0) return std::nullopt;
  const auto block = peek((*pointers)[1]);
  if (!block || !peek((*pointers)[0])) return std::nullopt;
  return Ownership{library_of((*block)[0]), static_cast<std::uint32_t>((*block)[1])};
}

std::string hexadecimal(std::uintptr_t address) {
  std::ostringstream text;
  text << "0x" << std::hex << address;
  return text.str();
}

std::string name_of(const sycl::queue& queue) {
  return queue.get_device().get_info<sycl::info::device::name>();
}

}  // namespace

bool is_alive(std::uintptr_t address, const sycl::queue& known) {
  const auto found = ownership_at(address);
  const auto wanted = ownership_at(reinterpret_cast<std::uintptr_t>(&known));
  return found && wanted && found->library == wanted->library && found->owners != 0;
}

sycl::queue& queue_at(std::uintptr_t address, const sycl::queue& known) {
  if (address == 0) {
    throw Error("An external stream needs the address of a sycl::queue, but the pointer is null.");
  }
  if (address % alignof(sycl::queue) != 0) {
    throw Error("An external stream needs the address of a sycl::queue, but " +
                hexadecimal(address) + " is not aligned like one.");
  }
  if (!is_alive(address, known)) {
    throw Error("There is no living sycl::queue at " + hexadecimal(address) +
                ". Keep the queue alive until the stream is made, or pass a capsule "
                "\"SyclQueueRef\", which holds the queue itself.");
  }
  return *reinterpret_cast<sycl::queue*>(address);
}

void check_is_usable(const sycl::queue& queue, const sycl::queue& ours) {
  if (!queue.is_in_order()) {
    throw Error(
        "An external stream needs an in-order sycl::queue, but this one is out of order. Construct "
        "it with sycl::property::queue::in_order().");
  }
  if (queue.get_device() != ours.get_device()) {
    throw Error("The sycl::queue belongs to another device ('" + name_of(queue) +
                "', or a part of it) than the stream would ('" + name_of(ours) +
                "'). Name the device of the queue, if torch has it.");
  }
  if (queue.get_context() != ours.get_context()) {
    throw Error(
        "The sycl::queue has another context than torch's queues, so it cannot use memory of "
        "torch's tensors. Construct it with the context of one of torch's queues "
        "(sycl_queue of a stream), which is the default context of the platform.");
  }
}

}  // namespace xpu_event
