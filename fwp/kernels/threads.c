/* Threads that share the blocks of a kernel.
 *
 * A kernel of a small model takes some hundred microseconds. To wake a sleeping thread takes tens of
 * them, on virtual machines thousands: so a thread that has nothing to do looks for work for a while
 * before it sleeps. The thread that calls computes a part itself. Each part is a range of blocks.
 *
 * Compiled with TYPES, FIELDS and GIVEN, this is instead what calls a kernel with arguments of such
 * types, which lie in memory, for a range of blocks.
 */

#ifdef TYPES

#include <stdint.h>

typedef struct {
    void *data;
    int64_t batch, time, head;
} tensor; /* as in native.h */

typedef struct {
    int (*function)(int64_t, int64_t, TYPES);
    FIELDS
} arguments;

__attribute__((visibility("default"))) int call(const arguments *x, int64_t begin, int64_t end) {
    return x->function(begin, end, GIVEN);
}

#else

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#ifdef __SSE2__
#include <immintrin.h>
#define PAUSE() _mm_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ volatile("yield")
#else
#define PAUSE() ((void)0)
#endif

#define MOST 256          /* threads */
#define EAGER 4096        /* looks before a waiting thread lets others run */
#define PATIENCE 3000000  /* nanoseconds before it sleeps */

typedef int part(const void *arguments, int64_t begin, int64_t end);

typedef struct {
    _Alignas(128) atomic_int posted, asleep;
    part *function;
    const void *arguments;
    int64_t begin, end;
    int failed;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
} worker;

static worker *workers[MOST];
static int started;
static pid_t owner;
static pthread_mutex_t busy = PTHREAD_MUTEX_INITIALIZER;

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}
/* Whether `posted` has become `wanted` before the time is over; 0 nanoseconds are without end. */
static int seen(atomic_int *posted, int wanted, int64_t patience) {
    for (int i = 0; i < EAGER; i++) {
        if (atomic_load_explicit(posted, memory_order_acquire) == wanted) return 1;
        PAUSE();
    }
    const int64_t until = patience ? now() + patience : INT64_MAX;
    do {
        for (int i = 0; i < 16; i++) {
            if (atomic_load_explicit(posted, memory_order_acquire) == wanted) return 1;
            PAUSE();
        }
        sched_yield();
    } while (!patience || now() < until);
    return 0;
}

static void *work(void *own) {
    worker *self = own;
    for (;;) {
        if (!seen(&self->posted, 1, PATIENCE)) {
            pthread_mutex_lock(&self->mutex);
            atomic_store(&self->asleep, 1);
            while (!atomic_load(&self->posted)) pthread_cond_wait(&self->wake, &self->mutex);
            atomic_store(&self->asleep, 0);
            pthread_mutex_unlock(&self->mutex);
        }
        self->failed = self->function(self->arguments, self->begin, self->end);
        atomic_store_explicit(&self->posted, 0, memory_order_release);
    }
    return NULL;
}

static void post(worker *to, part *function, const void *arguments, int64_t begin, int64_t end) {
    to->function = function, to->arguments = arguments, to->begin = begin, to->end = end;
    atomic_store(&to->posted, 1);
    if (atomic_load(&to->asleep)) {
        pthread_mutex_lock(&to->mutex);
        pthread_cond_signal(&to->wake);
        pthread_mutex_unlock(&to->mutex);
    }
}

/* Have `count` threads beside this one, if the system allows; how many there are. */
static int prepare(int count) {
    if (owner != getpid()) started = 0, owner = getpid(); /* a fork has none of the threads */
    while (started < count && started < MOST) {
        void *memory = NULL;
        pthread_t thread;
        if (posix_memalign(&memory, _Alignof(worker), sizeof(worker))) break;
        worker *own = memory;
        *own = (worker){.posted = 0};
        pthread_mutex_init(&own->mutex, NULL);
        pthread_cond_init(&own->wake, NULL);
        if (pthread_create(&thread, NULL, work, own)) {
            free(own);
            break;
        }
        pthread_detach(thread);
        workers[started++] = own;
    }
    return started < count ? started : count;
}

/* Compute blocks 0 .. blocks - 1 with up to `threads` threads; the number of parts that failed. */
__attribute__((visibility("default"))) int share(part *function, const void *arguments,
                                                 int64_t threads, int64_t blocks) {
    const int64_t wanted = threads < blocks ? threads : blocks;
    /* Another thread of Python may be here already. */
    if (wanted <= 1 || pthread_mutex_trylock(&busy)) return function(arguments, 0, blocks) != 0;
    const int others = prepare((int)wanted - 1);
    const int64_t parts = others + 1;
    for (int i = 0; i < others; i++)
        post(workers[i], function, arguments, blocks * (i + 1) / parts, blocks * (i + 2) / parts);
    int failed = function(arguments, 0, blocks / parts) != 0;
    for (int i = 0; i < others; i++) {
        seen(&workers[i]->posted, 0, 0);
        failed += workers[i]->failed != 0;
    }
    pthread_mutex_unlock(&busy);
    return failed;
}

#endif
