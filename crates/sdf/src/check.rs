//! The rules that tie elements together.

use std::collections::HashMap;

use system_spec::config::MAX_FILE_SESSIONS;

use crate::element::channel::Channel;
use crate::element::device_slot::{CLASS_BLOCK, CLASS_NET};
use crate::element::protection_domain::{ProtectionDomain, Role};
use crate::element::session::Session;
use crate::element::system::Description;
use crate::error::{At, Fault, Rule};

/// Checks names, interrupts, channels, roles, slots and sessions.
pub fn check(description: &Description) -> Result<(), Fault> {
    let pds = &description.pds;
    if pds.is_empty() || pds.len() > system_spec::spec::MAX_PDS {
        return fault(
            &At {
                line: 1,
                column: 1,
                element: "system".to_owned(),
            },
            Rule::PdCount { count: pds.len() },
        );
    }
    unique(
        "protection domain",
        pds.iter().map(|pd| (&pd.at, pd.name.as_str())),
    )?;
    unique(
        "memory region",
        description.regions.iter().map(|r| (&r.at, r.name.as_str())),
    )?;
    unique(
        "device slot",
        description.slots.iter().map(|s| (&s.at, s.name.as_str())),
    )?;
    let functions: Vec<_> = description
        .slots
        .iter()
        .filter_map(|slot| slot.pci.as_ref())
        .map(|pci| (&pci.at, pci.address.to_string()))
        .collect();
    unique(
        "PCI function",
        functions.iter().map(|(at, name)| (*at, name.as_str())),
    )?;
    irqs(description)?;
    children(pds)?;
    description
        .channels
        .iter()
        .try_for_each(|channel| call_goes_up(pds, channel))?;
    roles(pds)?;
    iommu(description)?;
    tables(description)?;
    ports(description)?;
    slots(description)?;
    sessions(description)?;
    file_sessions(description)
}

fn fault<T>(at: &At, rule: Rule) -> Result<T, Fault> {
    Err(Fault { at: at.clone(), rule })
}

/// The index of the PD with this name.
pub fn pd_index(pds: &[ProtectionDomain], at: &At, name: &str) -> Result<usize, Fault> {
    match pds.iter().position(|pd| pd.name == name) {
        Some(index) => Ok(index),
        None => fault(
            at,
            Rule::UnknownName {
                kind: "protection domain",
                name: name.to_owned(),
            },
        ),
    }
}

fn unique<'a>(kind: &'static str, names: impl Iterator<Item = (&'a At, &'a str)>) -> Result<(), Fault> {
    let mut seen = Vec::new();
    for (at, name) in names {
        if seen.contains(&name) {
            return fault(
                at,
                Rule::DuplicateName {
                    kind,
                    name: name.to_owned(),
                },
            );
        }
        seen.push(name);
    }
    Ok(())
}

/// Interrupts of an SMMU as QEMU's `virt` wires them, one behind the other: events, page requests, commands done, errors.
const SMMU_LINES: u64 = 4;

fn irqs(description: &Description) -> Result<(), Fault> {
    let mut owners: HashMap<u64, &str> = HashMap::new();
    // The PD takes the first of the SMMU's interrupts; the board gives it the three behind that too.
    let driver = description.pds.iter().find(|pd| pd.role == Some(Role::Iommu));
    if let Some(events) = driver.and_then(|pd| pd.irqs.first()) {
        owners.extend((1..SMMU_LINES).map(|line| (events.irq + line, "the SMMU")));
    }
    let of_pds = description
        .pds
        .iter()
        .flat_map(|pd| pd.irqs.iter().map(move |irq| (irq, pd.name.as_str())));
    let of_slots = description
        .slots
        .iter()
        .flat_map(|s| s.irqs.iter().map(move |irq| (irq, s.name.as_str())));
    for (irq, owner) in of_pds.chain(of_slots) {
        if let Some(other) = owners.insert(irq.irq, owner) {
            return fault(
                &irq.at,
                Rule::DuplicateIrq {
                    irq: irq.irq,
                    owner: other.to_owned(),
                },
            );
        }
    }
    Ok(())
}

fn children(pds: &[ProtectionDomain]) -> Result<(), Fault> {
    let mut seen = Vec::new();
    for pd in pds {
        let Some(child) = pd.parent else { continue };
        if seen.contains(&child) {
            return fault(
                &pd.at,
                Rule::DuplicateId {
                    pd: pds[child.0].name.clone(),
                    id: child.1,
                },
            );
        }
        seen.push(child);
    }
    Ok(())
}

fn call_goes_up(pds: &[ProtectionDomain], channel: &Channel) -> Result<(), Fault> {
    let [a, b] = &channel.ends;
    let (pd_a, pd_b) = (
        &pds[pd_index(pds, &a.at, &a.pd)?],
        &pds[pd_index(pds, &b.at, &b.pd)?],
    );
    if pd_a.name == pd_b.name {
        return fault(&b.at, Rule::SelfChannel { pd: b.pd.clone() });
    }
    for (end, caller, callee) in [(a, pd_a, pd_b), (b, pd_b, pd_a)] {
        if end.call && callee.priority <= caller.priority {
            return fault(
                &end.at,
                Rule::CallDownwards {
                    caller: caller.name.clone(),
                    caller_priority: caller.priority,
                    callee: callee.name.clone(),
                    callee_priority: callee.priority,
                },
            );
        }
    }
    Ok(())
}

fn roles(pds: &[ProtectionDomain]) -> Result<(), Fault> {
    let mut holders: Vec<&ProtectionDomain> = Vec::new();
    for pd in pds.iter().filter(|pd| pd.role.is_some_and(Role::single)) {
        if let Some(other) = holders.iter().find(|other| other.role == pd.role) {
            let role = pd.role.map_or("", Role::word);
            return fault(
                &pd.at,
                Rule::RoleTwice {
                    role,
                    other: other.name.clone(),
                },
            );
        }
        holders.push(pd);
    }
    for pd in pds {
        match pd.role {
            Some(Role::Command) if pd.mmio.len() != 1 => {
                return fault(&pd.at, Rule::MissingElement { element: "mmio" });
            }
            Some(Role::Command) if pd.dma.is_none() => {
                return fault(&pd.at, Rule::MissingElement { element: "dma" });
            }
            Some(Role::Command | Role::Iommu | Role::Timer) if pd.irqs.is_empty() => {
                return fault(&pd.at, Rule::MissingElement { element: "irq" });
            }
            _ => {}
        }
    }
    Ok(())
}

/// The SMMU and the PD that drives it: both or neither.
fn iommu(description: &Description) -> Result<(), Fault> {
    let pd = description.pds.iter().find(|pd| pd.role == Some(Role::Iommu));
    match (&description.iommu, pd) {
        (Some(described), None) => fault(
            &described.at,
            Rule::RoleMissing {
                role: Role::Iommu.word(),
            },
        ),
        (None, Some(pd)) => fault(&pd.at, Rule::MissingElement { element: "iommu" }),
        _ => Ok(()),
    }
}

/// What a device behind the SMMU may reach needs tables, and a device has so many. Root puts data where there is room: a region
/// may begin in the middle of what one table describes.
fn tables(description: &Description) -> Result<(), Fault> {
    /// Bytes that a table of the last level describes, of translations by pages of 4 KiB.
    const LEAF: u64 = 0x20_0000;
    /// The first table, one for each GiB below 4 GiB, those of the three places of generations, the doorbell's.
    const ALWAYS: u64 = 1 + 4 + 3 + 1;
    let max = smmu::memory::SPACE_TABLES as u64;
    for slot in description.slots.iter().filter(|slot| description.guards(slot)) {
        let sessions = description
            .sessions
            .iter()
            .filter(|session| session.slot == slot.name);
        let regions = sessions
            .map(|session| session.data_size)
            .chain([slot.scratch_size]);
        let needed = ALWAYS + regions.map(|size| size.div_ceil(LEAF) + 1).sum::<u64>();
        if needed > max {
            return fault(&slot.at, Rule::IommuTables { needed, max });
        }
    }
    Ok(())
}

/// The bus hears of what goes in and out behind a root port by the port's line.
fn ports(description: &Description) -> Result<(), Fault> {
    let Some(host) = &description.pci else {
        return Ok(());
    };
    let bus = description.pds.iter().find(|pd| pd.role == Some(Role::Bus));
    let slots = description.slots.iter().filter_map(|slot| slot.pci.as_ref());
    for (function, port) in slots.filter_map(|function| Some((function, function.port?))) {
        let line = host.line(port);
        let hears = |pd: &ProtectionDomain| pd.irqs.first().is_some_and(|irq| irq.irq == line && !irq.edge);
        if !bus.is_some_and(hears) {
            return fault(&function.at, Rule::PortLine { line });
        }
    }
    Ok(())
}

fn slots(description: &Description) -> Result<(), Fault> {
    let pds = &description.pds;
    let max = system_spec::config::MAX_SLOTS;
    if let Some(slot) = description.slots.get(max) {
        return fault(
            &slot.at,
            Rule::TooMany {
                kind: "device slots",
                max,
            },
        );
    }
    for slot in &description.slots {
        for role in [Role::Control, Role::Bus, Role::Stager] {
            if !pds.iter().any(|pd| pd.role == Some(role)) {
                return fault(&slot.at, Rule::RoleMissing { role: role.word() });
            }
        }
        let shadow = &pds[pd_index(pds, &slot.at, &slot.shadow)?];
        if shadow.role != Some(Role::Shadow) {
            return fault(
                &slot.at,
                Rule::RoleWrong {
                    pd: shadow.name.clone(),
                    role: "shadow",
                },
            );
        }
        if shadow.priority <= slot.priority {
            return fault(
                &slot.at,
                Rule::Priority {
                    upper: shadow.name.clone(),
                    lower: slot.name.clone(),
                },
            );
        }
    }
    Ok(())
}

fn sessions(description: &Description) -> Result<(), Fault> {
    let pds = &description.pds;
    for session in &description.sessions {
        let client = &pds[pd_index(pds, &session.at, &session.client)?];
        if client.role != Some(Role::Client) {
            return fault(
                &session.at,
                Rule::RoleWrong {
                    pd: client.name.clone(),
                    role: "client",
                },
            );
        }
        let Some(slot) = description.slots.iter().find(|slot| slot.name == session.slot) else {
            let name = session.slot.clone();
            return fault(
                &session.at,
                Rule::UnknownName {
                    kind: "device slot",
                    name,
                },
            );
        };
        let shadow = &pds[pd_index(pds, &slot.at, &slot.shadow)?];
        if shadow.priority <= client.priority {
            let (upper, lower) = (shadow.name.clone(), client.name.clone());
            return fault(&session.at, Rule::Priority { upper, lower });
        }
        of_its_class(description, session, slot.class)?;
    }
    for client in pds.iter().filter(|pd| pd.role == Some(Role::Client)) {
        let count = description
            .sessions
            .iter()
            .filter(|s| s.client == client.name)
            .count();
        if count != 1 {
            return fault(
                &client.at,
                Rule::SessionCount {
                    pd: client.name.clone(),
                    count,
                },
            );
        }
    }
    Ok(())
}

/// A session has the attributes of its slot's class, and an address of its own.
fn of_its_class(description: &Description, session: &Session, class: u32) -> Result<(), Fault> {
    let of_disks = !session.partition.is_empty() || session.partition_number != 0;
    let of_networks = session.mac != 0 || session.promiscuous;
    let (name, known) = match class {
        CLASS_NET if of_disks => (
            "partition",
            "client, slot, mac, promiscuous, data_size, report_size",
        ),
        CLASS_BLOCK if of_networks => (
            "mac",
            "client, slot, partition, partition_number, data_size, report_size",
        ),
        _ => {
            let same = |other: &&Session| other.slot == session.slot && other.mac == session.mac;
            let twice = session.mac != 0 && description.sessions.iter().filter(same).count() > 1;
            if twice {
                let rule = Rule::DuplicateName {
                    kind: "MAC address of a session",
                    name: session.client.clone(),
                };
                return fault(&session.at, rule);
            }
            return Ok(());
        }
    };
    let (name, known) = (name.to_owned(), known.to_owned());
    fault(&session.at, Rule::UnknownAttribute { name, known })
}

fn file_sessions(description: &Description) -> Result<(), Fault> {
    let pds = &description.pds;
    for (index, session) in description.file_sessions.iter().enumerate() {
        let client = pd_index(pds, &session.at, &session.client)?;
        let server = pd_index(pds, &session.at, &session.server)?;
        if client == server {
            let pd = session.client.clone();
            return fault(&session.at, Rule::SelfChannel { pd });
        }
        if pds[server].role != Some(Role::Client) {
            let (pd, role) = (session.server.clone(), "client");
            return fault(&session.at, Rule::RoleWrong { pd, role });
        }
        let before = &description.file_sessions[..index];
        let too_many = |kind, max| fault(&session.at, Rule::TooMany { kind, max });
        if before.iter().any(|other| other.client == session.client) {
            return too_many("file session of a client", 1);
        }
        if before
            .iter()
            .filter(|other| other.server == session.server)
            .count()
            >= MAX_FILE_SESSIONS
        {
            return too_many("file sessions of a server", MAX_FILE_SESSIONS);
        }
    }
    Ok(())
}
