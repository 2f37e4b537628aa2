#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <sycl/sycl.hpp>

#include "event/error.h"
#include "event/queue_address.h"
#include "tests/device.h"

namespace xpu_event::testing {
namespace {

std::uintptr_t address_of(const sycl::queue& queue) {
  return reinterpret_cast<std::uintptr_t>(&queue);
}

BOOST_AUTO_TEST_SUITE(queue_address)

BOOST_AUTO_TEST_CASE(a_living_queue_is_found) {
  const sycl::queue known = make_queue();
  const sycl::queue queue = make_queue();
  BOOST_TEST((queue_at(address_of(queue), known) == queue));
  BOOST_TEST((queue_at(address_of(known), known) == known));
}

BOOST_AUTO_TEST_CASE(addresses_of_nothing_are_refused) {
  const sycl::queue known = make_queue();
  const std::vector<std::uintptr_t> zeros(8);
  const auto heap = reinterpret_cast<std::uintptr_t>(zeros.data());
  for (const std::uintptr_t address : {std::uintptr_t{0}, address_of(known) + 1,
                                       std::uintptr_t{4096}, ~std::uintptr_t{15}, heap}) {
    BOOST_CHECK_THROW((void)queue_at(address, known), Error);
  }
}

BOOST_AUTO_TEST_CASE(an_object_cut_off_by_the_end_of_memory_is_refused) {
  const sycl::queue known = make_queue();
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* memory = mmap(nullptr, 2 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  BOOST_REQUIRE(memory != MAP_FAILED);
  const auto end = reinterpret_cast<std::uintptr_t>(memory) + page;
  munmap(reinterpret_cast<void*>(end), page);
  errno = 0;
  BOOST_CHECK_THROW((void)queue_at(end - sizeof(void*), known), Error);
  munmap(memory, page);
}

// In storage that stays, so that only the remains of the queue are there to be seen.
BOOST_AUTO_TEST_CASE(a_queue_past_its_life_is_refused) {
  const sycl::queue known = make_queue();
  alignas(sycl::queue) unsigned char storage[sizeof(sycl::queue)];
  auto* queue = new (storage) sycl::queue(make_queue());
  BOOST_TEST((queue_at(address_of(*queue), known) == *queue));
  std::destroy_at(queue);
  BOOST_CHECK_THROW((void)queue_at(address_of(*queue), known), Error);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_a_stream_is_refused) {
  const sycl::queue ours = make_queue();
  check_is_usable(make_queue(), ours);
  const sycl::queue out_of_order(ours.get_context(), ours.get_device());
  BOOST_CHECK_THROW(check_is_usable(out_of_order, ours), Error);
  const sycl::queue elsewhere(sycl::context(std::vector{ours.get_device()}), ours.get_device(),
                              sycl::property::queue::in_order());
  BOOST_CHECK_THROW(check_is_usable(elsewhere, ours), Error);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace xpu_event::testing
