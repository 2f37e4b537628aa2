// In place of glibc's header, in a build with XPU_EVENT_PORTABLE: its variable is of glibc 2.32.
#pragma once

// False, so that libstdc++ counts references atomically, as it does before glibc 2.32.
extern "C" __attribute__((weak, visibility("hidden"))) char __libc_single_threaded = 0;
