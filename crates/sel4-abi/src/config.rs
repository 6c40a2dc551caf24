//! The kernel configuration this build of kernel or userland is for (libsel4: `CONFIG_*`).

#[cfg(all(feature = "debug-build", feature = "benchmark-build"))]
compile_error!("a kernel is built for debugging or for benchmarks, not for both");

/// Debug configuration: debug system calls exist, TCBs are twice as large, breakpoint invocations have labels.
pub const DEBUG_BUILD: bool = cfg!(feature = "debug-build");
/// The kernel prints, and offers `DebugPutChar`.
pub const PRINTING: bool = DEBUG_BUILD;
/// The kernel reports undelivered interrupts on the console.
pub const IRQ_REPORTING: bool = DEBUG_BUILD;
/// Breakpoint and single-step invocations exist.
pub const HARDWARE_DEBUG_API: bool = DEBUG_BUILD;
/// Benchmark configuration: benchmark system calls exist.
pub const ENABLE_BENCHMARKS: bool = cfg!(feature = "benchmark-build");
/// The kernel accounts cycles to threads.
pub const BENCHMARK_TRACK_UTILISATION: bool = ENABLE_BENCHMARKS;
/// User level may read the performance counters.
pub const EXPORT_PMU_USER: bool = ENABLE_BENCHMARKS;
/// `Signal` has a fast path.
pub const SIGNAL_FASTPATH: bool = ENABLE_BENCHMARKS;

/// Name of the configuration, as it stands in an SDK's directory names.
pub const NAME: &str = if DEBUG_BUILD {
    "debug"
} else if ENABLE_BENCHMARKS {
    "benchmark"
} else {
    "release"
};

/// Mixed-criticality scheduling: scheduling contexts and reply objects.
pub const KERNEL_MCS: bool = true;
/// The kernel switches floating-point state.
pub const HAVE_FPU: bool = true;
/// Nodes (cores) the kernel runs on.
pub const MAX_NUM_NODES: usize = 1;
/// Scheduling domains.
pub const NUM_DOMAINS: usize = 16;
/// Entries of the domain schedule.
pub const NUM_DOMAIN_SCHEDULES: usize = 100;
/// Priorities, 0 is the lowest.
pub const NUM_PRIORITIES: usize = 256;
/// log2 of the slots in the root task's CNode.
pub const ROOT_CNODE_SIZE_BITS: usize = 17;
/// Untyped descriptors that fit in [`crate::bootinfo::BootInfo`].
pub const MAX_NUM_BOOTINFO_UNTYPED_CAPS: usize = 230;
/// Objects one `Untyped_Retype` may make.
pub const RETYPE_FAN_OUT_LIMIT: usize = 256;
/// log2 of the bytes the kernel clears between two preemption points of a retype.
pub const RESET_CHUNK_BITS: usize = 8;
/// Units of work between two preemption points.
pub const MAX_NUM_WORK_UNITS_PER_PREEMPTION: usize = 100;
/// Budget and period of the root task's first scheduling context, milliseconds.
pub const BOOT_THREAD_TIME_SLICE_MS: u64 = 5;
/// Longest period a scheduling context may have, microseconds; 0 leaves it to the timer's range.
pub const KERNEL_STATIC_MAX_PERIOD_US: u64 = 0;
/// Factor on the worst-case execution time the kernel reserves at each end of a budget.
pub const KERNEL_WCET_SCALE: u64 = 1;
/// Unscaled worst-case execution time of the kernel on this platform, microseconds.
pub const KERNEL_WCET_US: u64 = 10;
/// Words of user stack shown with an unhandled fault (debug).
pub const USER_STACK_TRACE_LENGTH: usize = 16;
/// log2 of the bytes of a first-level cache line.
pub const L1_CACHE_LINE_SIZE_BITS: usize = 6;
/// Highest priority, of which there are [`NUM_PRIORITIES`].
pub const MAX_PRIO: u8 = 255;
/// Lowest priority.
pub const MIN_PRIO: u8 = 0;
/// Hardware breakpoints and watchpoints of a cortex-a53 (debug configuration only).
pub const NUM_HW_BREAKPOINTS: usize = 10;

const _: () = assert!(MAX_PRIO as usize + 1 == NUM_PRIORITIES);
