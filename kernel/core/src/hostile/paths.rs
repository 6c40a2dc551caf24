//! Short ways beside the general one.

use sel4_abi::syscall::Syscall;

use crate::fake::FakeMachine;
use crate::kernel::Kernel;

use super::world::World;

impl World {
    pub fn enter(&mut self, number: i64) {
        const NB_SEND_RECV: i64 = Syscall::NBSendRecv as i64;
        const NB_SEND_WAIT: i64 = Syscall::NBSendWait as i64;
        const RECV: i64 = Syscall::Recv as i64;
        const WAIT: i64 = Syscall::Wait as i64;
        let fast = match number {
            -1 => self.kernel.fast_call() || self.kernel.fast_ack(),
            -2 => self.kernel.fast_reply_recv(),
            NB_SEND_RECV => self.on_both_paths(0, Kernel::fast_signal_recv, |k| k.syscall(number)),
            NB_SEND_WAIT => {
                self.on_both_paths(0, Kernel::fast_signal_wait, |k| k.syscall(number))
                    || self.on_both_paths(1, Kernel::fast_ack_wait, |k| k.syscall(number))
            }
            RECV => self.on_both_paths(3, Kernel::fast_recv, |k| k.syscall(number)),
            WAIT => self.on_both_paths(3, Kernel::fast_wait, |k| k.syscall(number)),
            _ => false,
        };
        if !fast {
            self.kernel.syscall(number);
        }
    }

    /// What the fast path does is what the general path would have done.
    pub fn on_both_paths(
        &mut self,
        kind: usize,
        fast: impl FnOnce(&mut Kernel<FakeMachine>) -> bool,
        path: impl FnOnce(&mut Kernel<FakeMachine>),
    ) -> bool {
        let mut general = self.kernel.clone();
        if !fast(&mut self.kernel) {
            return false;
        }
        self.fast[kind] += 1;
        path(&mut general);
        let fields = |k: &Kernel<FakeMachine>| {
            let queues = [k.current, k.release, k.fpu_owner, k.ready.first(0)];
            let account = (k.current_sc, k.now, k.consumed, k.reprogram);
            (queues, account, k.action, (k.domains.ends(), k.horizon))
        };
        assert_eq!(fields(&self.kernel), fields(&general));
        assert!(self.kernel.ready == general.ready, "the same queues");
        assert_eq!(self.kernel.fpu_access, general.fpu_access);
        assert!(self.kernel.m.same(&general.m), "the same memory and deadline");
        true
    }
}
