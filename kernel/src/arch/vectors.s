// Entry and exit. While user level runs, SP_EL1 points at the current thread's control block, whose first words
// are its registers (kernel-core, object/tcb.rs). What is called here does not return.

.macro load_kernel
    adrp    x0, kernel_state
    add     x0, x0, :lo12:kernel_state
.endm

.section .text.entry, "ax"
.global _start
_start:
    msr     daifset, #15
    adrp    x9, kernel_stack_top
    add     x9, x9, :lo12:kernel_stack_top
    mov     sp, x9
    msr     spsel, #1
    mov     sp, x9
    stp     x4, x5, [sp, #-16]!
    stp     x2, x3, [sp, #-16]!
    stp     x0, x1, [sp, #-16]!
    mov     x1, sp
    mov     x29, xzr
    mov     x30, xzr
    load_kernel
    b       kernel_boot

.macro save_registers
    stp     x0, x1, [sp, #0x00]
    stp     x2, x3, [sp, #0x10]
    stp     x4, x5, [sp, #0x20]
    stp     x6, x7, [sp, #0x30]
    stp     x8, x9, [sp, #0x40]
    stp     x10, x11, [sp, #0x50]
    stp     x12, x13, [sp, #0x60]
    stp     x14, x15, [sp, #0x70]
    stp     x16, x17, [sp, #0x80]
    stp     x18, x19, [sp, #0x90]
    stp     x20, x21, [sp, #0xa0]
    stp     x22, x23, [sp, #0xb0]
    stp     x24, x25, [sp, #0xc0]
    stp     x26, x27, [sp, #0xd0]
    stp     x28, x29, [sp, #0xe0]
    mrs     x10, sp_el0
    mrs     x11, elr_el1
    mrs     x12, spsr_el1
    stp     x30, x10, [sp, #0xf0]
    stp     x11, x12, [sp, #0x100]
.endm

.macro use_kernel_stack
    adrp    x10, kernel_stack_top
    add     x10, x10, :lo12:kernel_stack_top
    mov     sp, x10
.endm

.section .text, "ax"
user_sync:
    save_registers
    mrs     x10, esr_el1
    lsr     x13, x10, #26
    cmp     x13, #0x15
    b.ne    1f
    sub     x11, x11, #4
    str     x11, [sp, #0x110]
    use_kernel_stack
    load_kernel
    mov     x1, x7
    b       kernel_syscall
1:
    str     x11, [sp, #0x110]
    mov     x1, x10
    mrs     x2, far_el1
    use_kernel_stack
    load_kernel
    b       kernel_exception

user_irq:
    save_registers
    str     x11, [sp, #0x110]
    use_kernel_stack
    load_kernel
    b       kernel_interrupt

// x0: the control block of the thread to run.
.global exit_to_user
exit_to_user:
    mov     sp, x0
    ldp     x11, x12, [sp, #0x100]
    ldp     x30, x10, [sp, #0xf0]
    msr     elr_el1, x11
    msr     spsr_el1, x12
    msr     sp_el0, x10
    ldp     x0, x1, [sp, #0x00]
    ldp     x2, x3, [sp, #0x10]
    ldp     x4, x5, [sp, #0x20]
    ldp     x6, x7, [sp, #0x30]
    ldp     x8, x9, [sp, #0x40]
    ldp     x10, x11, [sp, #0x50]
    ldp     x12, x13, [sp, #0x60]
    ldp     x14, x15, [sp, #0x70]
    ldp     x16, x17, [sp, #0x80]
    ldp     x18, x19, [sp, #0x90]
    ldp     x20, x21, [sp, #0xa0]
    ldp     x22, x23, [sp, #0xb0]
    ldp     x24, x25, [sp, #0xc0]
    ldp     x26, x27, [sp, #0xd0]
    ldp     x28, x29, [sp, #0xe0]
    eret

// An exception in the kernel. A secure monitor call that nobody takes is undefined: it continues at its way out.
kernel_sync:
    stp     x16, x17, [sp, #-16]!
    mrs     x16, elr_el1
    adrp    x17, smc_instruction
    add     x17, x17, :lo12:smc_instruction
    cmp     x16, x17
    b.ne    2f
    add     x16, x16, #8
    msr     elr_el1, x16
    ldp     x16, x17, [sp], #16
    eret
2:
kernel_fatal:
    // The stack may be what is broken: start it anew.
    adrp    x10, kernel_stack_top
    add     x10, x10, :lo12:kernel_stack_top
    mov     sp, x10
    mrs     x0, esr_el1
    mrs     x1, far_el1
    mrs     x2, elr_el1
    bl      kernel_defect

.macro vector to
.balign 0x80
    b       \to
.endm

.section .text.vectors, "ax"
.balign 0x800
.global vectors
vectors:
    vector  kernel_fatal
    vector  kernel_fatal
    vector  kernel_fatal
    vector  kernel_fatal
    vector  kernel_sync
    vector  kernel_fatal
    vector  kernel_fatal
    vector  kernel_fatal
    vector  user_sync
    vector  user_irq
    vector  user_irq
    vector  user_irq
    vector  user_sync
    vector  user_irq
    vector  user_irq
    vector  user_irq
.balign 0x80
