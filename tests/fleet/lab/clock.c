/* The wall clock of one host of the lab: every program there has this loaded (/etc/ld.so.preload).
 *
 * Nanoseconds to add lie in a file that every process maps, so that a change is seen at once everywhere. Timers that
 * the kernel runs for a process (timerfd) know nothing of it: they are remembered and set anew once the process asks
 * for the time after a change, as systemd does whenever something wakes it up. Monotonic clocks are left alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define OFFSET_FILE "/etc/lab-clock/offset"
#define SECOND 1000000000LL
#define FDS 1024
#define FAR (1LL << 33)   /* seconds: "never", which systemd sets to hear of changes of the real clock */
#define WALL (1LL << 29)  /* seconds: no monotonic clock has counted that far */

static const _Atomic int64_t *shared;
static _Atomic int64_t applied;
static struct { int known; int armed; int flags; struct itimerspec at; } timers[FDS];

__attribute__((constructor)) static void map_offset(void)
{
    int saved = errno;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, OFFSET_FILE, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        void *at = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
        if (at != MAP_FAILED)
            shared = at;
        syscall(SYS_close, fd);
    }
    errno = saved;
}

static void add(struct timespec *at, int64_t ns)
{
    int64_t sum = at->tv_nsec + ns % SECOND;
    at->tv_sec += ns / SECOND + (sum >= SECOND) - (sum < 0);
    at->tv_nsec = sum + (sum < 0) * SECOND - (sum >= SECOND) * SECOND;
}

static int set_timer(int fd, int flags, const struct itimerspec *at, struct itimerspec *old, int64_t offset)
{
    struct itimerspec real = *at;
    if (real.it_value.tv_sec < FAR && (real.it_value.tv_sec || real.it_value.tv_nsec)) {
        add(&real.it_value, -offset);
        if (real.it_value.tv_sec < 0)
            real.it_value = (struct timespec){0, 1};
    }
    return (int)syscall(SYS_timerfd_settime, fd, flags, &real, old);
}

static int64_t offset(void)
{
    int64_t now = shared ? atomic_load(shared) : 0;
    if (atomic_exchange(&applied, now) != now) {
        int saved = errno;
        for (int fd = 0; fd < FDS; fd++)
            if (timers[fd].armed)
                set_timer(fd, timers[fd].flags, &timers[fd].at, NULL, now);
        errno = saved;
    }
    return now;
}

static int is_wall(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_REALTIME_ALARM
        || clock == CLOCK_TAI;
}

#define NEXT(name) \
    static __typeof__(&name) next; \
    if (!next) \
        next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

int clock_gettime(clockid_t clock, struct timespec *at)
{
    NEXT(clock_gettime);
    int result = next(clock, at);
    if (result == 0 && is_wall(clock))
        add(at, offset());
    return result;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    NEXT(gettimeofday);
    int result = next(at, zone);
    if (result == 0) {
        struct timespec precise = {at->tv_sec, at->tv_usec * 1000};
        add(&precise, offset());
        at->tv_sec = precise.tv_sec;
        at->tv_usec = precise.tv_nsec / 1000;
    }
    return result;
}

time_t time(time_t *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}

int timespec_get(struct timespec *at, int base)
{
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, at) == 0 ? base : 0;
}

int timerfd_create(clockid_t clock, int flags)
{
    int fd = (int)syscall(SYS_timerfd_create, clock, flags);
    if (fd >= 0 && fd < FDS) {
        timers[fd].known = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM;
        timers[fd].armed = 0;
    }
    return fd;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *at, struct itimerspec *old)
{
    if (fd < 0 || fd >= FDS || !timers[fd].known || !(flags & TFD_TIMER_ABSTIME))
        return (int)syscall(SYS_timerfd_settime, fd, flags, at, old);
    int result = set_timer(fd, flags, at, old, offset());
    if (result == 0) {
        timers[fd].armed = at->it_value.tv_sec || at->it_value.tv_nsec;
        timers[fd].flags = flags;
        timers[fd].at = *at;
    }
    return result;
}

/* Deadlines by the wall's clock; the longest wait that a change of the clock can spoil is what was asked for. */
static struct timespec real(const struct timespec *at)
{
    struct timespec moved = *at;
    if (moved.tv_sec > WALL && moved.tv_sec < FAR)
        add(&moved, -offset());
    return moved;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *at, struct timespec *left)
{
    NEXT(clock_nanosleep);
    if (!is_wall(clock) || !(flags & TIMER_ABSTIME))
        return next(clock, flags, at, left);
    struct timespec moved = real(at);
    return next(clock, flags, &moved, left);
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict at)
{
    NEXT(pthread_cond_timedwait);
    struct timespec moved = real(at);
    return next(cond, mutex, &moved);
}

int sem_timedwait(sem_t *restrict sem, const struct timespec *restrict at)
{
    NEXT(sem_timedwait);
    struct timespec moved = real(at);
    return next(sem, &moved);
}

/* When the kernel took a message in: journald shows that as an entry's time. */
ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    NEXT(recvmsg);
    ssize_t length = next(fd, message, flags);
    if (length < 0 || !message->msg_control)
        return length;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part))
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMP) {
            struct timeval *at = (struct timeval *)CMSG_DATA(part);
            struct timespec precise = {at->tv_sec, at->tv_usec * 1000};
            add(&precise, offset());
            at->tv_sec = precise.tv_sec;
            at->tv_usec = precise.tv_nsec / 1000;
        }
    return length;
}

/* "Now" as the time of a file: systemd keeps the last run of a persistent timer that way. */
static const struct timespec *named(const struct timespec times[2], struct timespec moved[2])
{
    for (int n = 0; n < 2; n++) {
        moved[n] = times ? times[n] : (struct timespec){0, UTIME_NOW};
        if (moved[n].tv_nsec == UTIME_NOW)
            clock_gettime(CLOCK_REALTIME, &moved[n]);
    }
    return moved;
}

int utimensat(int folder, const char *path, const struct timespec times[2], int flags)
{
    struct timespec moved[2];
    NEXT(utimensat);
    if (offset() && next(folder, path, named(times, moved), flags) == 0)
        return 0;
    return next(folder, path, times, flags); /* a file of another's can be touched, but not given a time of choice */
}

int futimens(int fd, const struct timespec times[2])
{
    struct timespec moved[2];
    NEXT(futimens);
    if (offset() && next(fd, named(times, moved)) == 0)
        return 0;
    return next(fd, times);
}
