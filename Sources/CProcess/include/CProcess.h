// Starts programs in process groups of their own, with nothing inherited but what is given.
#pragma once
#include <stdint.h>
#include <sys/types.h>

struct kubewa_process {
    pid_t pid;
    // The parent's ends.
    int input, output, error;
    // 0, or the errno of a failed start; `failed_at` says of what.
    int failure;
    // 'p' pipes, 'f' fork, 'c' chdir, 'e' exec, 'l' limits.
    char failed_at;
};

struct kubewa_limits {
    uint64_t memory_bytes;
    uint64_t open_files;
};

// Returns when the program runs, or could not be started. Call it from a thread that lives as long as the parent does:
// the child is killed when the thread that made it ends.
struct kubewa_process kubewa_start(
    const char *path, char *const arguments[], char *const environment[], const char *folder,
    struct kubewa_limits limits
);

// The process and all that it started and left in its group.
void kubewa_signal_group(pid_t pid, int number);

// 1 when the process is gone, and then its group has been killed before its number could be given to another.
int kubewa_reap(pid_t pid);

// Lets this process open as many files as the system allows it, up to `most`.
// Returns how many that are.
uint64_t kubewa_raise_open_files(uint64_t most);
