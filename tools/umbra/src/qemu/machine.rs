//! The machine: QEMU's arguments.

use std::ffi::OsString;
use std::path::Path;

/// A machine of the contract's board (design, section 2).
#[derive(Clone, Debug)]
pub struct Machine {
    /// RAM, as QEMU writes it (`2G`).
    pub memory: String,
    /// Start at EL2 instead of EL1.
    pub el2: bool,
    /// Virtual clock counts instructions, a nanosecond each; exactly repeatable.
    pub icount: bool,
    /// In a process group of its own: an interrupt at the terminal does not reach it.
    pub detached: bool,
    /// More machine properties (`iommu=smmuv3`).
    pub properties: Vec<String>,
    /// More arguments: devices, drives, character devices.
    pub arguments: Vec<OsString>,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            memory: "2G".into(),
            el2: false,
            icount: false,
            detached: false,
            properties: Vec::new(),
            arguments: Vec::new(),
        }
    }
}

/// Least RAM in MiB: the loader lies 128 MiB above the start of RAM and needs room for its payload.
const LEAST_MEMORY_MIB: u64 = 256;

impl Machine {
    /// Checks a memory size as QEMU writes it: a number with one of the suffixes K, M (if there is none), G, T.
    ///
    /// With too little RAM there is nothing where the loader should be, and the machine stays silent.
    pub fn memory_size(text: &str) -> Result<String, String> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let number: u64 = digits
            .parse()
            .map_err(|_| "not a size such as 2G or 1536M".to_owned())?;
        let mib = match text[digits.len()..].to_ascii_uppercase().as_str() {
            "K" => Some(number / 1024),
            "" | "M" => Some(number),
            "G" => number.checked_mul(1024),
            "T" => number.checked_mul(1024 * 1024),
            _ => return Err("not a size such as 2G or 1536M".to_owned()),
        };
        match mib {
            Some(mib) if mib >= LEAST_MEMORY_MIB => Ok(text.to_owned()),
            _ => Err(format!("at least {LEAST_MEMORY_MIB}M are needed")),
        }
    }

    /// QEMU's arguments for a boot image, with the console on standard output and QMP on a socket in `folder`.
    pub fn command_line(&self, image: &Path, folder: &Path) -> Vec<OsString> {
        // `dtb-randomness=off`: without it the device tree carries random seeds and no two boots are alike.
        let mut machine = "virt,gic-version=2,dtb-randomness=off".to_owned();
        if self.el2 {
            machine.push_str(",virtualization=on");
        }
        for property in &self.properties {
            machine.push(',');
            machine.push_str(property);
        }
        let mut line: Vec<OsString> = ["-machine", &machine, "-cpu", "cortex-a53", "-m", &self.memory]
            .into_iter()
            .chain([
                "-accel",
                "tcg",
                "-nodefaults",
                "-display",
                "none",
                "-monitor",
                "none",
                "-no-reboot",
            ])
            .chain([
                "-chardev",
                "stdio,id=console,signal=off",
                "-serial",
                "chardev:console",
            ])
            .map(OsString::from)
            .collect();
        if self.icount {
            // `sleep=off`: an idle guest jumps to its next timer instead of waiting for the host's clock.
            line.extend(["-icount".into(), "shift=0,sleep=off".into()]);
        }
        let mut socket = OsString::from("unix:");
        socket.push(qmp_socket(folder));
        socket.push(",server=on,wait=off");
        line.extend(["-qmp".into(), socket, "-kernel".into(), image.into()]);
        line.extend(self.arguments.iter().cloned());
        line
    }
}

/// QMP's socket of the machine that runs in `folder`.
pub fn qmp_socket(folder: &Path) -> std::path::PathBuf {
    folder.join("qmp.sock")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(machine: &Machine) -> String {
        let line = machine.command_line(Path::new("/i"), Path::new("/d"));
        line.iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn default_machine_is_the_contracts_board() {
        let line = line(&Machine::default());
        assert!(line.starts_with("-machine virt,gic-version=2,dtb-randomness=off -cpu cortex-a53 -m 2G"));
        assert!(!line.contains("icount"));
    }

    #[test]
    fn memory_too_small_for_the_loader_is_refused() {
        for good in ["2G", "256", "256M", "1T", "3g", "1048576K"] {
            assert_eq!(Machine::memory_size(good).as_deref(), Ok(good));
        }
        for bad in ["255M", "128M", "", "G", "2X", "2GB", "-1", "99999999999999999T"] {
            assert!(Machine::memory_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn options_reach_the_command_line() {
        let machine = Machine {
            el2: true,
            icount: true,
            detached: false,
            memory: "3G".into(),
            properties: vec!["iommu=smmuv3".into()],
            arguments: vec!["-device".into(), "x".into()],
        };
        let line = line(&machine);
        for part in [
            "virtualization=on",
            "iommu=smmuv3",
            "-m 3G",
            "-icount shift=0,sleep=off",
            "-device x",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }
}
