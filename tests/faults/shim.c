/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shim.c - loaded before the C library (LD_PRELOAD), between the program and its files.
 *
 *     SHIM_PREFIX=run1.    only paths that begin so, and the folder they lie in, are looked at
 *     SHIM_COUNT=FILE      how many calls there were, as a number, at the end
 *     SHIM_NTH=7           the 7th call fails: SHIM_KIND=EIO | ENOSPC | EINTR | half (a short write) | sync (a failed sync that
 *                          loses what was not yet safe); SHIM_STICKY=1: so do all after it
 *     SHIM_LOG=FILE        every call, one JSON object a line, with the bytes that were written
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DESCRIPTORS = 4096, PATH_BYTES = 4096 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FILE *log_file;
static const char *prefix, *kind, *count_path;
static uint64_t calls, nth;
static bool sticky, ready;
static bool tracked[DESCRIPTORS];
static off_t safe_bytes[DESCRIPTORS]; /* of the file, as far as syncs have made it safe */

#define REAL(name) ((__typeof__(&(name)))(uintptr_t)dlsym(RTLD_NEXT, #name))

static void setup(void)
{
    const char *number = getenv("SHIM_NTH"), *log_path = getenv("SHIM_LOG");

    if (ready)
        return;
    ready = true;
    prefix = getenv("SHIM_PREFIX");
    kind = getenv("SHIM_KIND");
    count_path = getenv("SHIM_COUNT");
    nth = number == NULL ? 0 : strtoull(number, NULL, 10);
    sticky = getenv("SHIM_STICKY") != NULL && strcmp(getenv("SHIM_STICKY"), "1") == 0;
    if (log_path != NULL)
        log_file = fopen(log_path, "w");
}

static bool is_ours(const char *path)
{
    setup();
    return prefix != NULL && (strncmp(path, prefix, strlen(prefix)) == 0 || strcmp(path, ".") == 0);
}

static bool is_tracked(int descriptor)
{
    return descriptor >= 0 && descriptor < DESCRIPTORS && tracked[descriptor];
}

__attribute__((destructor)) static void write_count(void)
{
    FILE *file = count_path == NULL ? NULL : fopen(count_path, "w");

    if (file == NULL)
        return;
    fprintf(file, "%llu\n", (unsigned long long)calls);
    fclose(file);
}

/* The lock is held.  True if this call is to fail; `interruptible`: some kinds do not fit every call. */
static bool must_fail(const char *fits)
{
    calls++;
    if (nth == 0 || kind == NULL || calls < nth || (calls > nth && !sticky))
        return false;
    if (strcmp(kind, "EINTR") == 0 && calls > nth)
        return false;
    return strstr(fits, kind) != NULL;
}

static int failed(void)
{
    errno = strcmp(kind, "ENOSPC") == 0 ? ENOSPC : strcmp(kind, "EINTR") == 0 ? EINTR : EIO;
    return -1;
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    va_list arguments;
    int saved = errno;

    if (log_file == NULL)
        return;
    va_start(arguments, format);
    vfprintf(log_file, format, arguments);
    va_end(arguments);
    fputc('\n', log_file);
    fflush(log_file);
    errno = saved;
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;
    int descriptor;
    bool existed;
    struct stat about;

    va_start(arguments, flags);
    mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (!is_ours(path))
        return REAL(open)(path, flags, mode);
    pthread_mutex_lock(&lock);
    existed = stat(path, &about) == 0;
    if (must_fail("EIO ENOSPC EINTR")) {
        descriptor = failed();
    } else {
        descriptor = REAL(open)(path, flags, mode);
        if (descriptor >= 0 && descriptor < DESCRIPTORS) {
            tracked[descriptor] = true;
            safe_bytes[descriptor] = existed && (flags & O_TRUNC) == 0 ? about.st_size : 0;
            say("{\"call\":\"open\",\"path\":\"%s\",\"fd\":%d,\"created\":%s,\"emptied\":%s}", path,
                descriptor, existed ? "false" : "true", (flags & O_TRUNC) != 0 ? "true" : "false");
        }
    }
    pthread_mutex_unlock(&lock);
    return descriptor;
}

int close(int descriptor)
{
    if (is_tracked(descriptor)) {
        pthread_mutex_lock(&lock);
        tracked[descriptor] = false;
        say("{\"call\":\"close\",\"fd\":%d}", descriptor);
        pthread_mutex_unlock(&lock);
    }
    return REAL(close)(descriptor);
}

static void say_write(int descriptor, const char *data, size_t length, long long at)
{
    int saved = errno;

    if (log_file == NULL)
        return;
    fprintf(log_file, "{\"call\":\"write\",\"fd\":%d,\"at\":%lld,\"data\":\"", descriptor, at);
    for (size_t i = 0; i < length; i++)
        fprintf(log_file, "%02x", (unsigned)(unsigned char)data[i]);
    fputs("\"}\n", log_file);
    fflush(log_file);
    errno = saved;
}

ssize_t write(int descriptor, const void *data, size_t length)
{
    ssize_t result;

    if (!is_tracked(descriptor))
        return REAL(write)(descriptor, data, length);
    pthread_mutex_lock(&lock);
    if (must_fail("EIO ENOSPC EINTR half") && (strcmp(kind, "half") != 0 || length > 1)) {
        if (strcmp(kind, "half") == 0)
            result = REAL(write)(descriptor, data, length / 2);
        else
            result = failed();
    } else {
        result = REAL(write)(descriptor, data, length);
    }
    if (result > 0)
        say_write(descriptor, data, (size_t)result,
                  (long long)lseek(descriptor, 0, SEEK_CUR) - (long long)result);
    pthread_mutex_unlock(&lock);
    return result;
}

int fsync(int descriptor)
{
    struct stat about;
    int result;

    if (!is_tracked(descriptor))
        return REAL(fsync)(descriptor);
    pthread_mutex_lock(&lock);
    if (must_fail("EIO ENOSPC EINTR sync")) {
        if (strcmp(kind, "sync") == 0 && fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode) &&
            about.st_size > safe_bytes[descriptor] &&
            REAL(ftruncate)(descriptor, safe_bytes[descriptor]) != 0)
            errno = 0;
        result = failed();
    } else {
        result = REAL(fsync)(descriptor);
        if (result == 0 && fstat(descriptor, &about) == 0)
            safe_bytes[descriptor] = about.st_size;
        say("{\"call\":\"fsync\",\"fd\":%d}", descriptor);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate(int descriptor, off_t size)
{
    int result;

    if (!is_tracked(descriptor))
        return REAL(ftruncate)(descriptor, size);
    pthread_mutex_lock(&lock);
    if (must_fail("EIO ENOSPC EINTR")) {
        result = failed();
    } else {
        result = REAL(ftruncate)(descriptor, size);
        say("{\"call\":\"truncate\",\"fd\":%d,\"size\":%lld}", descriptor, (long long)size);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int rename(const char *from, const char *to)
{
    int result;

    if (!is_ours(from))
        return REAL(rename)(from, to);
    pthread_mutex_lock(&lock);
    if (must_fail("EIO ENOSPC")) {
        result = failed();
    } else {
        result = REAL(rename)(from, to);
        if (result == 0)
            say("{\"call\":\"rename\",\"from\":\"%s\",\"path\":\"%s\"}", from, to);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int unlink(const char *path)
{
    int result;

    if (!is_ours(path))
        return REAL(unlink)(path);
    pthread_mutex_lock(&lock);
    if (must_fail("EIO")) {
        result = failed();
    } else {
        result = REAL(unlink)(path);
        if (result == 0)
            say("{\"call\":\"unlink\",\"path\":\"%s\"}", path);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int mkdir(const char *path, mode_t mode)
{
    int result;

    if (!is_ours(path))
        return REAL(mkdir)(path, mode);
    pthread_mutex_lock(&lock);
    if (must_fail("EIO ENOSPC")) {
        result = failed();
    } else {
        result = REAL(mkdir)(path, mode);
        if (result == 0)
            say("{\"call\":\"mkdir\",\"path\":\"%s\"}", path);
    }
    pthread_mutex_unlock(&lock);
    return result;
}
