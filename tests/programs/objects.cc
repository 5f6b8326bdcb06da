// objects.cc - what C++ does with memory, for tests/programs/preload: prints the same every time.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

struct alignas(128) wide {
    char bytes[300];
};

struct counted {
    static int alive;
    std::string name;
    explicit counted(int n) : name(std::to_string(n) + " is the number of this one")
    {
        if (n == 17)
            throw std::runtime_error(name);
        alive++;
    }
    ~counted()
    {
        alive--;
    }
};
int counted::alive;

static unsigned long containers()
{
    std::map<std::string, std::vector<int>> tree;
    std::unordered_map<int, std::list<std::string>> table;
    std::deque<std::unique_ptr<std::string>> queue;
    unsigned long sum = 0;

    for (int i = 0; i < 20000; i++) {
        tree[std::to_string(i * 7919 % 4001)].push_back(i);
        table[i % 997].push_back(std::string(i % 90, 'x'));
        queue.push_back(std::make_unique<std::string>(std::to_string(i)));
        if (i % 3 == 0)
            queue.pop_front();
    }
    for (auto &entry : tree)
        sum = sum * 31 + entry.first.size() +
              std::accumulate(entry.second.begin(), entry.second.end(), 0ul);
    for (auto &entry : table)
        sum += entry.second.size() * entry.second.front().size();
    return sum + queue.size();
}

// Throw through frames that own memory; the exceptions themselves are allocated, too.
static int exceptions()
{
    int caught = 0;
    for (int i = 0; i < 2000; i++) {
        try {
            std::vector<std::unique_ptr<counted>> some;
            for (int n = 15; n < 20; n++)
                some.push_back(std::make_unique<counted>(n));
        } catch (const std::runtime_error &error) {
            caught += std::string(error.what()).size() == 28;
        }
    }
    return caught * 1000 + counted::alive;
}

static int aligned()
{
    int wrong = 0;
    std::vector<std::unique_ptr<wide>> some;
    for (int i = 0; i < 500; i++) {
        some.push_back(std::make_unique<wide>());
        wrong += reinterpret_cast<std::uintptr_t>(some.back().get()) % 128 != 0;
    }
    auto *row = new wide[10];
    wrong += reinterpret_cast<std::uintptr_t>(row) % 128 != 0;
    delete[] row;
    return wrong;
}

static int refused()
{
    volatile std::size_t huge = SIZE_MAX / 4;
    int seen = 0;
    try {
        delete[] new char[huge];
    } catch (const std::bad_alloc &) {
        seen++;
    }
    seen += new (std::nothrow) char[huge] == nullptr;
    try {
        std::vector<int>().reserve(huge);
    } catch (const std::length_error &) {
        seen++;
    }
    return seen;
}

static long threads()
{
    std::vector<std::future<long>> all;
    for (int t = 0; t < 8; t++)
        all.push_back(std::async(std::launch::async, [t] {
            std::vector<std::string> words;
            for (int i = 0; i < 20000; i++)
                words.emplace_back(std::string(i % 100, static_cast<char>('a' + t)));
            return static_cast<long>(words.size() + words[777].size());
        }));
    long sum = 0;
    for (auto &one : all)
        sum += one.get();
    return sum;
}

int main()
{
    std::ostringstream text;
    for (int i = 0; i < 20000; i++)
        text << i << ' ' << i * 1.5 << '\n';
    std::string all = text.str();

    std::printf("%lu %d %d %d %ld\n", containers(), exceptions(), aligned(), refused(), threads());
    std::printf("%zu %zu\n", all.size(), all.find("19999 "));
}
