// Runs a kernel; fibers.cpp says how.
#pragma once
#include "headers/launch.h"

extern const EmuRuntime FIBERS;
bool fibers_reverse();
// False if threads of a block waited for one another for ever.
bool fibers_launch(void (*kernel)(const EmuLaunch*), const EmuLaunch& launch, bool with_barriers);
