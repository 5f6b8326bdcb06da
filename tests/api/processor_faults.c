/*
 * processor_faults.c - what the processor refuses: instructions, divisions, the end of the stack.
 */
#include "fault.h"

#include "../test.h"

#if defined(__x86_64__)

/* One instruction, and on behind it. */
#define MEET(instruction)                                              \
    do {                                                               \
        expect_fault();                                                \
        __asm__ volatile("lea 1f(%%rip), %%rcx\n\t" instruction "\n1:" \
                         :                                             \
                         : "a"(1), "d"(0), "b"(0)                      \
                         : "rcx", "cc", "memory");                     \
        fault.expecting = false;                                       \
        check(fault.count == 1, "%d exceptions", fault.count);         \
    } while (0)

static void a_breakpoint_is_an_exception(void)
{
    MEET("int3");
    check(fault.record.ExceptionCode == EXCEPTION_BREAKPOINT, "code %x",
          (unsigned)fault.record.ExceptionCode);
}

static void an_unknown_instruction_is_an_exception(void)
{
    MEET("ud2");
    check(fault.record.ExceptionCode == EXCEPTION_ILLEGAL_INSTRUCTION, "code %x",
          (unsigned)fault.record.ExceptionCode);
}

static void an_integer_division_by_zero_is_an_exception(void)
{
    MEET("idivl %%ebx");
    check(fault.record.ExceptionCode == EXCEPTION_INT_DIVIDE_BY_ZERO, "code %x",
          (unsigned)fault.record.ExceptionCode);
}

static void an_instruction_of_the_kernel_is_an_exception(void)
{
    MEET("hlt");
    check(fault.record.ExceptionCode == EXCEPTION_PRIV_INSTRUCTION, "code %x",
          (unsigned)fault.record.ExceptionCode);
}

static void a_stack_overflow_is_an_exception(void)
{
    expect_fault();
    __asm__ volatile("lea 1f(%%rip), %%rcx\n\t"
                     "mov %%rsp, %%rdx\n\t"
                     "sub $256, %%rsp\n"
                     "2:\tpush %%rax\n\t"
                     "jmp 2b\n"
                     "1:\tmov %%rdx, %%rsp"
                     :
                     :
                     : "rcx", "rdx", "memory");
    fault.expecting = false;
    check(fault.record.ExceptionCode == EXCEPTION_STACK_OVERFLOW, "code %x",
          (unsigned)fault.record.ExceptionCode);
}

#endif

static const struct test tests[] = {
#if defined(__x86_64__)
    TEST(a_breakpoint_is_an_exception, "S101"),
    TEST(an_unknown_instruction_is_an_exception, "S101"),
    TEST(an_integer_division_by_zero_is_an_exception, "S101"),
    TEST(an_instruction_of_the_kernel_is_an_exception, "S101"),
    TEST(a_stack_overflow_is_an_exception, "S100"),
#endif
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
