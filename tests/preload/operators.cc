/*
 * operators.cc - new and delete of C++ in all their forms, on our malloc.
 */
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <malloc.h>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "../test.h"

static volatile std::size_t huge = SIZE_MAX / 4;
static void *volatile sink; /* or the compiler drops what nobody looks at */

static std::size_t in_use()
{
    return mallinfo2().uordblks;
}

struct counted {
    static int alive;
    static int fails_at;
    std::string name;
    counted() : name(100, 'c')
    {
        if (alive == fails_at)
            throw std::runtime_error("no more of these");
        alive++;
    }
    ~counted()
    {
        alive--;
    }
};
int counted::alive;
int counted::fails_at = -1;

struct alignas(256) wide {
    char bytes[700];
};

static void plain_and_sized_delete_take_what_new_gave()
{
    std::size_t before = in_use();
    for (std::size_t size = 0; size < 200000; size += size / 3 + 1) {
        void *p = ::operator new(size);
        void *q = ::operator new[](size);
        sink = p;
        check(p != q && malloc_usable_size(p) >= size, "size %zu", size);
        memset(p, 1, size);
        memset(q, 2, size);
        ::operator delete(p, size);
        ::operator delete[](q, size);
        ::operator delete(::operator new(size));
    }
    check(in_use() == before, "%zu bytes in use, then %zu", before, in_use());
}

static void aligned_new_is_aligned()
{
    std::size_t before = in_use();
    for (std::size_t alignment = 16; alignment <= 65536; alignment *= 2) {
        auto how = static_cast<std::align_val_t>(alignment);
        void *p = ::operator new(1000, how);
        void *q = ::operator new[](10, how, std::nothrow);
        check(reinterpret_cast<std::uintptr_t>(p) % alignment == 0, "%p", p);
        check(q && reinterpret_cast<std::uintptr_t>(q) % alignment == 0, "%p", q);
        ::operator delete(p, 1000, how);
        ::operator delete[](q, how);
    }
    auto *row = new wide[5];
    check(reinterpret_cast<std::uintptr_t>(&row[1]) % 256 == 0, "%p", static_cast<void *>(row));
    delete[] row;
    delete new wide;
    check(in_use() == before, "%zu bytes in use, then %zu", before, in_use());
}

template <typename Action> static bool throws_bad_alloc(Action action)
{
    try {
        action();
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}

static void what_cannot_be_had_is_bad_alloc_or_null()
{
    check(throws_bad_alloc([] { sink = ::operator new(huge); }), "new");
    check(throws_bad_alloc([] { sink = new char[huge]; }), "new[]");
    check(throws_bad_alloc([] { sink = ::operator new(huge, std::align_val_t(64)); }),
          "aligned new");
    check(!::operator new(huge, std::nothrow), "nothrow");
    check(!::operator new[](huge, std::nothrow), "nothrow of an array");
    check(!::operator new(huge, std::align_val_t(4096), std::nothrow), "aligned nothrow");
}

static int handler_calls;

static void give_up_at_third()
{
    if (++handler_calls == 3)
        std::set_new_handler(nullptr);
}

static void the_new_handler_is_asked()
{
    std::set_new_handler(give_up_at_third);
    check(throws_bad_alloc([] { sink = new char[huge]; }), "new[]");
    check(handler_calls == 3, "%d calls", handler_calls);
}

static void an_exception_in_a_constructor_gives_its_memory_back()
{
    std::size_t before = in_use();
    counted::fails_at = 7;
    for (int i = 0; i < 1000; i++) {
        bool caught = false;
        try {
            delete[] new counted[20];
        } catch (const std::runtime_error &) {
            caught = true;
        }
        check(caught && counted::alive == 0, "round %d, %d alive", i, counted::alive);
    }
    counted::fails_at = -1;
    check(in_use() == before, "%zu bytes in use, then %zu", before, in_use());
}

static void objects_go_from_thread_to_thread()
{
    std::size_t before = 0;
    for (int round = 0; round < 20; round++) {
        std::vector<std::unique_ptr<std::string>> made;
        std::thread maker([&made] {
            for (int i = 0; i < 5000; i++)
                made.push_back(std::make_unique<std::string>(i % 200, 'x'));
        });
        maker.join();
        std::thread taker([&made] { made.clear(); });
        taker.join();
        made.shrink_to_fit();
        if (round == 3)
            before = in_use();
    }
    check(in_use() <= before + 4096, "%zu bytes in use, then %zu", before, in_use());
}

static thread_local std::vector<std::string> words;

static void thread_locals_are_freed_with_their_thread()
{
    std::size_t before = 0;
    for (int round = 0; round < 200; round++) {
        std::thread([round] {
            for (int i = 0; i < 100; i++)
                words.push_back(std::string(static_cast<std::size_t>(i * round % 300), 'y'));
        }).join();
        if (round == 20)
            before = in_use();
    }
    check(in_use() <= before + 4096, "%zu bytes in use, then %zu", before, in_use());
}

static const struct test tests[] = {
    TEST(plain_and_sized_delete_take_what_new_gave, ""),
    TEST(aligned_new_is_aligned, ""),
    TEST(what_cannot_be_had_is_bad_alloc_or_null, ""),
    TEST(the_new_handler_is_asked, ""),
    TEST(an_exception_in_a_constructor_gives_its_memory_back, ""),
    TEST(objects_go_from_thread_to_thread, ""),
    TEST(thread_locals_are_freed_with_their_thread, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
