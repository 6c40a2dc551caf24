//! What can be wrong with a system description: where, which rule, and what to do about it.

use core::fmt;

/// A place in the description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct At {
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// Element.
    pub element: String,
}

/// A broken rule, before the file's name is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub at: At,
    /// Which rule.
    pub rule: Rule,
}

/// A broken rule of a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The description's file.
    pub file: String,
    /// Where in it.
    pub at: At,
    /// Which rule.
    pub rule: Box<Rule>,
}

impl core::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let At {
            line,
            column,
            element,
        } = &self.at;
        write!(
            f,
            "{}:{line}:{column}: <{element}>: {}\n  {}",
            self.file,
            self.rule,
            self.rule.remedy()
        )
    }
}

/// The rules. Each has a fixture of its name in `tests/fixtures`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// The file is no well-formed XML.
    #[error("not well-formed XML: {0}")]
    Xml(String),
    /// The root element is not `system`.
    #[error("the root element must be <system>")]
    Root,
    /// An element that has no place here.
    #[error("no such element in <{parent}>")]
    UnknownElement {
        /// Where it stands.
        parent: String,
    },
    /// An element of Microkit's format that this system does not have.
    #[error("<{element}> is not supported: {why}")]
    Unsupported {
        /// The element (or attribute).
        element: &'static str,
        /// Why.
        why: &'static str,
    },
    /// Text between elements.
    #[error("text between elements")]
    Text,
    /// An attribute that this element does not have.
    #[error("no attribute '{name}' here; there are: {known}")]
    UnknownAttribute {
        /// Attribute.
        name: String,
        /// Those there are.
        known: String,
    },
    /// An attribute that must be there.
    #[error("attribute '{name}' is missing")]
    MissingAttribute {
        /// Attribute.
        name: &'static str,
    },
    /// A child element that must be there.
    #[error("needs a <{element}>")]
    MissingElement {
        /// Element.
        element: &'static str,
    },
    /// A child element that may be there only once.
    #[error("<{element}> must be there only once")]
    Twice {
        /// Element.
        element: &'static str,
    },
    /// An empty name, or a long one.
    #[error("the name '{value}' must have 1 to {max} bytes", max = system_spec::config::NAME_MAX)]
    NameLength {
        /// Value.
        value: String,
    },
    /// Not a number.
    #[error("{name}=\"{value}\" is not a number")]
    NotANumber {
        /// Attribute.
        name: &'static str,
        /// Value.
        value: String,
    },
    /// None of the words allowed.
    #[error("{name}=\"{value}\" must be {allowed}")]
    Choice {
        /// Attribute.
        name: &'static str,
        /// Value.
        value: String,
        /// The words.
        allowed: &'static str,
    },
    /// A number that is too large.
    #[error("{name} is {value:#x} ({value}), but may be at most {max:#x} ({max})")]
    Range {
        /// Attribute.
        name: &'static str,
        /// Value.
        value: u64,
        /// Largest value.
        max: u64,
    },
    /// A number that is too small.
    #[error("{name} is {value}, but must be at least {min}")]
    TooSmall {
        /// Attribute.
        name: &'static str,
        /// Value.
        value: u64,
        /// Smallest value.
        min: u64,
    },
    /// An address or size that is not aligned.
    #[error("{name} {value:#x} is not a multiple of {to:#x}")]
    Misaligned {
        /// Attribute.
        name: &'static str,
        /// Value.
        value: u64,
        /// Alignment.
        to: u64,
    },
    /// Page size that the machine does not have.
    #[error("page_size {value:#x} is not supported")]
    PageSize {
        /// Value.
        value: u64,
    },
    /// Rights that are not a combination of r, w, x, or are write-only.
    #[error("perms=\"{value}\" is not a combination of 'r', 'w' and 'x' that this machine can map")]
    Perms {
        /// Value.
        value: String,
    },
    /// A budget above its period.
    #[error("the budget ({budget} us) is larger than the period ({period} us)")]
    Budget {
        /// Budget.
        budget: u64,
        /// Period.
        period: u64,
    },
    /// Two things of one kind with the same name.
    #[error("there is another {kind} '{name}'")]
    DuplicateName {
        /// Kind of thing.
        kind: &'static str,
        /// Name.
        name: String,
    },
    /// A name that nothing has.
    #[error("there is no {kind} '{name}'")]
    UnknownName {
        /// Kind of thing.
        kind: &'static str,
        /// Name.
        name: String,
    },
    /// Two variables to be written to one symbol.
    #[error("the symbol '{symbol}' is set twice")]
    DuplicateSetvar {
        /// Symbol.
        symbol: String,
    },
    /// A channel id that the PD uses already.
    #[error("protection domain '{pd}' uses the id {id} already")]
    DuplicateId {
        /// PD.
        pd: String,
        /// Id.
        id: u64,
    },
    /// No channel ids left.
    #[error("protection domain '{pd}' has no channel id left")]
    NoIdLeft {
        /// PD.
        pd: String,
    },
    /// An interrupt with two owners.
    #[error("interrupt {irq} belongs to '{owner}' already")]
    DuplicateIrq {
        /// Interrupt.
        irq: u64,
        /// Owner.
        owner: String,
    },
    /// Both ends of a channel may call.
    #[error("both ends may call the other, but calls go to higher priorities only")]
    BothCall,
    /// A protected call that does not go strictly upwards.
    #[error("'{caller}' (priority {caller_priority}) may not call '{callee}' (priority {callee_priority})")]
    CallDownwards {
        /// Caller.
        caller: String,
        /// Its priority.
        caller_priority: u8,
        /// Callee.
        callee: String,
        /// Its priority.
        callee_priority: u8,
    },
    /// A channel from a PD to itself.
    #[error("both ends are '{pd}'")]
    SelfChannel {
        /// PD.
        pd: String,
    },
    /// A channel that has not two ends.
    #[error("a channel has two ends, not {count}")]
    Ends {
        /// How many it has.
        count: usize,
    },
    /// A mapping that meets another one.
    #[error("the mapping of '{region}' at {start:#x}..{end:#x} meets '{other}' in '{pd}'")]
    MapOverlap {
        /// PD.
        pd: String,
        /// Region.
        region: String,
        /// First address.
        start: u64,
        /// First address behind.
        end: u64,
        /// What it meets.
        other: String,
    },
    /// A mapping outside the PD's address space.
    #[error("the mapping ends at {end:#x}, but addresses from {limit:#x} are the stack's and the kernel's")]
    MapRange {
        /// First address behind the mapping.
        end: u64,
        /// Limit.
        limit: u64,
    },
    /// Two regions at the same physical address.
    #[error("the physical pages {start:#x}..{end:#x} belong to '{other}' too")]
    PhysOverlap {
        /// First page.
        start: u64,
        /// First address behind.
        end: u64,
        /// The other region.
        other: String,
    },
    /// More regions of PCI devices than their window holds.
    #[error("the regions of PCI devices do not fit into the window's {len:#x} bytes")]
    PciWindow {
        /// Bytes of the window.
        len: u64,
    },
    /// More data than the SMMU's tables for one device describe.
    #[error("the data of this slot's clients may need {needed} tables of the SMMU, and a device has {max}")]
    IommuTables {
        /// Tables that it may need, wherever the data lie.
        needed: u64,
        /// Tables that there are.
        max: u64,
    },
    /// A root port whose interrupt the bus does not get.
    #[error("the bus must hear of this root port by interrupt {line}")]
    PortLine {
        /// INTID of the port's line.
        line: u64,
    },
    /// A region without size.
    #[error("needs a size, or a prefill_path that gives it one")]
    NoSize,
    /// A file that is larger than its region or store slot.
    #[error("{what} has {len} bytes, but there is room for {room}")]
    FileSize {
        /// The file.
        what: String,
        /// Its bytes.
        len: u64,
        /// Room.
        room: u64,
    },
    /// A file that cannot be read.
    #[error("cannot read {what}: {why}")]
    File {
        /// The file.
        what: String,
        /// Why.
        why: String,
    },
    /// No PDs, or too many.
    #[error("a system has 1 to {max} protection domains, not {count}", max = system_spec::spec::MAX_PDS)]
    PdCount {
        /// How many.
        count: usize,
    },
    /// More things of a kind than there is room for.
    #[error("more than {max} {kind}")]
    TooMany {
        /// Kind.
        kind: &'static str,
        /// Most.
        max: usize,
    },
    /// Two PDs with a role that only one can have.
    #[error("'{other}' has the role {role} already")]
    RoleTwice {
        /// Role.
        role: &'static str,
        /// Who has it.
        other: String,
    },
    /// A role that somebody must have.
    #[error("a system with this needs a protection domain with umbra_role=\"{role}\"")]
    RoleMissing {
        /// Role.
        role: &'static str,
    },
    /// A PD named as something that it is not.
    #[error("'{pd}' does not have umbra_role=\"{role}\"")]
    RoleWrong {
        /// PD.
        pd: String,
        /// Role.
        role: &'static str,
    },
    /// Something that is for another role.
    #[error("{what} is only for umbra_role=\"{role}\"")]
    RoleOnly {
        /// What.
        what: &'static str,
        /// Role.
        role: &'static str,
    },
    /// A client that has no session, or several.
    #[error("client '{pd}' must have exactly one session, not {count}")]
    SessionCount {
        /// PD.
        pd: String,
        /// How many.
        count: usize,
    },
    /// A PD whose priority is not above another's.
    #[error("'{upper}' must have a higher priority than '{lower}'")]
    Priority {
        /// Who must be above.
        upper: String,
        /// Whom.
        lower: String,
    },
}

impl Rule {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Xml(_) => "Mend the XML at this place.",
            Self::Root => "Put everything into one <system> … </system>.",
            Self::UnknownElement { .. } => "Check the spelling, or move the element to where it belongs.",
            Self::Unsupported { .. } => "Take it out; this system runs on one core without a hypervisor.",
            Self::Text => "Remove the text, or make it a comment: <!-- … -->.",
            Self::UnknownAttribute { .. } => "Check the spelling, or remove the attribute.",
            Self::MissingAttribute { .. } => "Add the attribute.",
            Self::MissingElement { .. } => "Add the element.",
            Self::Twice { .. } => "Remove all but one.",
            Self::NameLength { .. } => "Choose a shorter name.",
            Self::NotANumber { .. } => {
                "Write a decimal number, or a hexadecimal one with 0x; '_' may group digits."
            }
            Self::Choice { .. } => "Use one of these words.",
            Self::Range { .. } => "Choose a smaller number.",
            Self::TooSmall { .. } => "Choose a larger number.",
            Self::Misaligned { .. } => "Round it to a multiple.",
            Self::PageSize { .. } => "Use 0x1000 or 0x200000, or leave it out.",
            Self::Perms { .. } => "Use r, rw, rx or rwx; write-only pages do not exist.",
            Self::Budget { .. } => "Make the budget smaller or the period larger.",
            Self::DuplicateName { .. } => "Rename one of them.",
            Self::UnknownName { .. } => "Check the spelling, or define it.",
            Self::DuplicateSetvar { .. } => "Set each symbol once.",
            Self::DuplicateId { .. } => {
                "Choose another id; channels and interrupts of a PD share the numbers."
            }
            Self::NoIdLeft { .. } => "Remove channels of this PD; roles and sessions take some too.",
            Self::DuplicateIrq { .. } => {
                "Wire the devices to different interrupt lines: a line has one driver."
            }
            Self::BothCall => "Set pp=\"true\" at the end with the lower priority only.",
            Self::CallDownwards { .. } => {
                "Calls go to strictly higher priorities: raise the callee or lower the caller."
            }
            Self::SelfChannel { .. } => "Name two different protection domains.",
            Self::Ends { .. } => "Give the channel exactly two <end> elements.",
            Self::MapOverlap { .. } => "Move one of them to other addresses.",
            Self::MapRange { .. } => "Choose a lower vaddr.",
            Self::PhysOverlap { .. } => {
                "Give each device pages of its own (virtio-mmio slots 31, 23, 15, 7)."
            }
            Self::PciWindow { .. } => "Make the window larger, or describe fewer or smaller regions.",
            Self::IommuTables { .. } => {
                "Make data_size of the slot's sessions or its scratch_size smaller (2 MiB are a table), or move sessions to another slot."
            }
            Self::PortLine { .. } => {
                "Make the port's line the first <irq> of the bus, trigger=\"level\", and leave it to nobody else."
            }
            Self::NoSize => "Add size=\"…\".",
            Self::FileSize { .. } => "Make room, or the file smaller.",
            Self::File { .. } => "Check the path or the package's name.",
            Self::PdCount { .. } => "Describe at least one protection domain and not too many.",
            Self::TooMany { .. } => "Use fewer, or raise the limit in system-spec.",
            Self::RoleTwice { .. } => "Give the role to one protection domain.",
            Self::RoleMissing { .. } => "Add such a protection domain, or remove what needs it.",
            Self::RoleWrong { .. } => "Name another protection domain, or give this one the role.",
            Self::RoleOnly { .. } => "Remove it, or give the protection domain that role.",
            Self::SessionCount { .. } => "Give each client one <session>.",
            Self::Priority { .. } => "Change one of the priorities.",
        }
    }
}
