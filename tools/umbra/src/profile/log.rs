//! QEMU's log of translated and executed blocks (`-d in_asm,exec,nochain`), as text.

use std::collections::HashMap;
use std::rc::Rc;

/// Reads the log line by line.
///
/// A block's translation is logged before its first execution, and names no identity; its execution does. A block that was
/// announced may not run after all, or stop before an instruction that touches a device, to be translated anew from there: both
/// are said on a line behind it, so a block counts when the next one comes.
#[derive(Debug, Default)]
pub struct Log {
    /// By the address of the translated code.
    blocks: HashMap<u64, Block>,
    /// The translation that is being read or waits for its execution.
    translated: Option<Translation>,
    last: Option<Block>,
}

#[derive(Clone, Debug)]
struct Block {
    pc: u64,
    words: Rc<[u32]>,
    /// Instructions that ran.
    len: usize,
}

#[derive(Debug, Default)]
struct Translation {
    pc: Option<u64>,
    words: Vec<u32>,
}

impl Log {
    /// Takes a line; `executed` is told of a block that certainly ran: its address, its instructions.
    pub fn line(&mut self, line: &str, executed: &mut impl FnMut(u64, &[u32])) {
        if line.starts_with("IN:") {
            self.translated = Some(Translation::default());
        } else if let Some(rest) = line.strip_prefix("0x") {
            self.instruction(rest);
        } else if let Some(rest) = line.strip_prefix("Trace ") {
            self.flush(executed);
            self.last = self.announced(rest);
        } else if line.starts_with("Stopped execution of TB chain before") {
            self.last = None;
        } else if let Some(rest) = line.strip_prefix("cpu_io_recompile: rewound execution of TB to ")
            && let (Some(block), Some(pc)) = (&mut self.last, hex(rest))
        {
            let ran = pc.saturating_sub(block.pc) as usize / 4;
            block.len = block.len.min(ran);
        }
    }

    /// The end of the log.
    pub fn end(mut self, executed: &mut impl FnMut(u64, &[u32])) {
        self.flush(executed);
    }

    fn flush(&mut self, executed: &mut impl FnMut(u64, &[u32])) {
        if let Some(block) = self.last.take() {
            executed(block.pc, &block.words[..block.len]);
        }
    }

    /// `ffffff8040001234:  d503201f  nop`
    fn instruction(&mut self, line: &str) {
        let Some(translation) = &mut self.translated else {
            return;
        };
        let mut parts = line.split_whitespace();
        let pc = parts.next().and_then(|pc| pc.strip_suffix(':')).and_then(hex);
        let word = parts.next().and_then(|word| u32::from_str_radix(word, 16).ok());
        if let (Some(pc), Some(word)) = (pc, word) {
            translation.pc.get_or_insert(pc);
            translation.words.push(word);
        }
    }

    /// `0: 0x7f30b0000100 [00000000/ffffff8040001234/00000000/ff200000] symbol`
    fn announced(&mut self, line: &str) -> Option<Block> {
        let mut parts = line.split_whitespace().skip(1);
        let code = hex(parts.next()?.strip_prefix("0x")?)?;
        let pc = hex(parts.next()?.split('/').nth(1)?)?;
        if let Some(translation) = self
            .translated
            .take()
            .filter(|translation| translation.pc == Some(pc))
        {
            let (words, len) = (translation.words.as_slice().into(), translation.words.len());
            self.blocks.insert(code, Block { pc, words, len });
        }
        self.blocks.get(&code).cloned()
    }
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(text: &str) -> Vec<(u64, Vec<u32>)> {
        let mut all = Vec::new();
        let mut executed = |pc, words: &[u32]| all.push((pc, words.to_vec()));
        let mut log = Log::default();
        text.lines().for_each(|line| log.line(line, &mut executed));
        log.end(&mut executed);
        all
    }

    const TRANSLATION: &str = "\
----------------
IN: 
0x00200000:  d2800000  mov      x0, #0
0x00200004:  f9000001  str      x1, [x0]
0x00200008:  d4000001  svc      #0
";
    const RUN: &str = "Trace 0: 0x7f30b0000100 [00000000/0000000000200000/00000000/ff200000] \n";

    #[test]
    fn block_is_translated_once_and_counts_each_time_it_runs() {
        let block = (0x20_0000, vec![0xd280_0000, 0xf900_0001, 0xd400_0001]);
        assert_eq!(ran(&format!("{TRANSLATION}\n{RUN}{RUN}")), [block.clone(), block]);
    }

    #[test]
    fn block_that_did_not_run_does_not_count() {
        let stopped = "Stopped execution of TB chain before 0x7f30b0000100 [0000000000200000] \n";
        assert_eq!(ran(&format!("{TRANSLATION}\n{RUN}{stopped}")), []);
    }

    #[test]
    fn block_that_met_a_device_counts_up_to_there() {
        let rewound = "cpu_io_recompile: rewound execution of TB to 0000000000200004\n";
        let text = format!("{TRANSLATION}\n{RUN}{rewound}{RUN}");
        let lens: Vec<usize> = ran(&text).iter().map(|(_, words)| words.len()).collect();
        assert_eq!(lens, [1, 3]);
    }

    #[test]
    fn code_that_was_translated_anew_replaces_what_was_there() {
        let other = "IN: \n0x00200000:  d503201f  nop\n\n";
        let lens: Vec<usize> = ran(&format!("{TRANSLATION}\n{RUN}{other}{RUN}"))
            .iter()
            .map(|(_, words)| words.len())
            .collect();
        assert_eq!(lens, [3, 1]);
    }
}
