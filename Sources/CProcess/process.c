// What happens between fork and exec must be C: no other thread runs there, so nothing may allocate or lock.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CProcess.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void kubewa_close_pair(int pair[2]) {
    if (pair[0] >= 0) close(pair[0]);
    if (pair[1] >= 0) close(pair[1]);
    pair[0] = pair[1] = -1;
}

static int kubewa_limit(int what, uint64_t most) {
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)what, &now) != 0) return -1;
    rlim_t value = (rlim_t)most;
    if (now.rlim_max != RLIM_INFINITY && value > now.rlim_max) value = now.rlim_max;
    struct rlimit next = {value, value};
    return setrlimit((__rlimit_resource_t)what, &next);
}

// In the child: never returns. `report` is closed by a successful exec, and gets what failed otherwise.
static void kubewa_become(
    const char *path, char *const arguments[], char *const environment[], const char *folder,
    const struct kubewa_limits *limits, const int standard[3], int report, pid_t parent
) {
    char failed_at = 'l';
    int kept[4] = {standard[0], standard[1], standard[2], report};
    setpgid(0, 0);
    // Whatever ends the parent ends the child, even a kill -9.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    umask(077);

    // Out of the way of 0, 1 and 2, whatever numbers they came with.
    for (int index = 0; index < 4; index++) {
        kept[index] = fcntl(kept[index], F_DUPFD_CLOEXEC, 10);
        if (kept[index] < 0) _exit(127);
    }
    for (int index = 0; index < 3; index++) {
        if (dup2(kept[index], index) < 0) goto failed;
    }
    // The report moves to 3; everything above is closed.
    if (dup2(kept[3], 3) < 0) goto failed;
    kept[3] = 3;
    fcntl(3, F_SETFD, FD_CLOEXEC);
    if (syscall(SYS_close_range, 4u, ~0u, 0u) != 0) {
        struct rlimit files;
        rlim_t most = getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < 65536 ? files.rlim_cur : 65536;
        for (int number = 4; number < (int)most; number++) close(number);
    }

    struct sigaction usual;
    memset(&usual, 0, sizeof usual);
    usual.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; number++) sigaction(number, &usual, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);

    if (kubewa_limit(RLIMIT_CORE, 0) != 0 || kubewa_limit(RLIMIT_NOFILE, limits->open_files) != 0
        || kubewa_limit(RLIMIT_DATA, limits->memory_bytes) != 0) goto failed;
    failed_at = 'c';
    if (chdir(folder) != 0) goto failed;
    failed_at = 'e';
    execve(path, arguments, environment);

failed:;
    int told[2] = {errno, failed_at};
    ssize_t ignored = write(kept[3], told, sizeof told);
    (void)ignored;
    _exit(127);
}

struct kubewa_process kubewa_start(
    const char *path, char *const arguments[], char *const environment[], const char *folder,
    struct kubewa_limits limits
) {
    struct kubewa_process made = {-1, -1, -1, -1, 0, 'p'};
    int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1}, report[2] = {-1, -1};
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0
        || pipe2(report, O_CLOEXEC) != 0) {
        made.failure = errno;
        goto ended;
    }
    pid_t parent = getpid();
    int standard[3] = {in[0], out[1], err[1]};
    // No handler of the parent may run in the child before its signals are set back.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) kubewa_become(path, arguments, environment, folder, &limits, standard, report[1], parent);
    int fork_error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0) {
        made.failed_at = 'f';
        made.failure = fork_error;
        goto ended;
    }
    setpgid(pid, pid);
    close(report[1]);
    report[1] = -1;
    int told[2] = {0, 0};
    ssize_t count;
    do { count = read(report[0], told, sizeof told); } while (count < 0 && errno == EINTR);
    if (count != 0) {
        made.failure = count == (ssize_t)sizeof told && told[0] != 0 ? told[0] : EIO;
        made.failed_at = (char)told[1];
        int status;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
        goto ended;
    }
    made.pid = pid;
    made.input = in[1];
    made.output = out[0];
    made.error = err[0];
    in[1] = out[0] = err[0] = -1;
ended:
    kubewa_close_pair(in);
    kubewa_close_pair(out);
    kubewa_close_pair(err);
    kubewa_close_pair(report);
    return made;
}

void kubewa_signal_group(pid_t pid, int number) { kill(-pid, number); }

int kubewa_reap(pid_t pid) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    // Looked at without taking it away, so that the group's number stays ours for one more signal.
    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0) return errno == ECHILD;
    if (info.si_pid == 0) return 0;
    kill(-pid, SIGKILL);
    int status;
    return waitpid(pid, &status, WNOHANG) == pid || errno == ECHILD;
}

uint64_t kubewa_raise_open_files(uint64_t most) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return 0;
    if (files.rlim_cur >= most) return files.rlim_cur;
    rlim_t wanted = files.rlim_max < most ? files.rlim_max : most;
    struct rlimit next = {wanted, files.rlim_max};
    return setrlimit(RLIMIT_NOFILE, &next) == 0 ? wanted : files.rlim_cur;
}
