//! Keys: those that sign driver packages, and those that images trust.
//!
//! They lie in `.umbra/keys/` of the checkout (or where `UMBRA_KEYS` says): `NAME.key` is a key pair of ours, `trusted/NAME.pub` a
//! key whose packages the images that are built from now on take. Both are PEM, as OpenSSL writes them.

#[cfg(test)]
mod tests;

use crate::workspace;
use anyhow::{Context, Result, anyhow, bail, ensure};
use driver_package::package::signature::{KeyPair, PublicKey};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use system_spec::config::MAX_KEYS;

/// The key that is made, and trusted, when there is no key at all.
pub const DEVELOPMENT: &str = "development";

/// A folder of keys.
#[derive(Clone, Debug)]
pub struct Keys {
    folder: PathBuf,
}

/// A key, as `key list` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Name.
    pub name: String,
    /// The public key.
    pub public: PublicKey,
    /// Packages can be signed with it here.
    pub ours: bool,
    /// Images that are built from now on take packages that it signed.
    pub trusted: bool,
}

impl Keys {
    /// The folder of this checkout. Makes and trusts the development key if there is no key yet.
    pub fn open() -> Result<Self> {
        let folder = std::env::var_os("UMBRA_KEYS")
            .map_or_else(|| workspace::root().join(".umbra/keys"), PathBuf::from);
        Self::at(&folder)
    }

    /// The keys in `folder`.
    pub fn at(folder: &Path) -> Result<Self> {
        let keys = Self {
            folder: folder.to_owned(),
        };
        let trusted = keys.trusted_folder();
        std::fs::create_dir_all(&trusted).with_context(|| format!("creating {}", trusted.display()))?;
        // Another process may be making the same key.
        let lock = folder.join("lock");
        let lock = std::fs::File::create(&lock).with_context(|| format!("creating {}", lock.display()))?;
        lock.lock()
            .context("waiting for another process to leave the keys alone")?;
        if keys.list()?.is_empty() {
            keys.create(DEVELOPMENT)?;
            keys.trust_public(DEVELOPMENT, &keys.pair(DEVELOPMENT)?.pk)?;
            eprintln!(
                "umbra: made a key for development in {}; before you ship: `cargo umbra key --help`",
                folder.display()
            );
        }
        Ok(keys)
    }

    /// Makes a key pair. It is not trusted yet.
    pub fn create(&self, name: &str) -> Result<()> {
        check_name(name)?;
        let path = self.pair_path(name);
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("making {}", path.display()))?;
        file.write_all(KeyPair::generate().to_pem().as_bytes())?;
        Ok(())
    }

    /// The key pair of that name.
    pub fn signer(&self, name: &str) -> Result<KeyPair> {
        self.pair(name).with_context(|| {
            format!("no key {name} to sign with: `cargo umbra key new {name}` makes one, `key list` shows those there are")
        })
    }

    /// The key pair that signs when none is named: the first of ours that is trusted.
    pub fn default_signer(&self) -> Result<KeyPair> {
        let entries = self.list()?;
        let entry = entries.iter().find(|entry| entry.ours && entry.trusted).context(
            "no key of ours is trusted, so nothing that is packed here would be taken: `cargo umbra key trust NAME`",
        )?;
        self.signer(&entry.name)
    }

    /// The keys that an image trusts. There is at least one, and no more than it has room for.
    pub fn trusted(&self) -> Result<Vec<PublicKey>> {
        let keys: Vec<_> = self
            .list()?
            .iter()
            .filter(|entry| entry.trusted)
            .map(|entry| entry.public)
            .collect();
        ensure!(
            !keys.is_empty(),
            "no key is trusted, so no package could be: `cargo umbra key trust NAME`"
        );
        ensure!(
            keys.len() <= MAX_KEYS,
            "{} keys are trusted, an image has room for {MAX_KEYS}: `cargo umbra key revoke NAME`",
            keys.len()
        );
        Ok(keys)
    }

    /// All keys, by name.
    pub fn list(&self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for name in names(&self.folder, "key")? {
            entries.push(Entry {
                public: *self.pair(&name)?.pk,
                ours: true,
                trusted: false,
                name,
            });
        }
        for name in names(&self.trusted_folder(), "pub")? {
            let public = read_public(&self.trusted_path(&name))?;
            match entries.iter_mut().find(|entry| entry.name == name) {
                Some(entry) if entry.public == public => entry.trusted = true,
                Some(_) => bail!(
                    "two different keys are called {name}: `cargo umbra key revoke {name}` drops the trusted one"
                ),
                None => entries.push(Entry {
                    name,
                    public,
                    ours: false,
                    trusted: true,
                }),
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Trusts a key: one of ours by its name, or a public key's file, under the name of the file.
    pub fn trust(&self, called: &str) -> Result<String> {
        let path = Path::new(called);
        if !path.is_file() {
            let public = self.pair(called).map_err(|_| {
                anyhow!("{called} is neither a key of ours (`cargo umbra key list`) nor a public key's file")
            })?;
            self.trust_public(called, &public.pk)?;
            return Ok(called.to_owned());
        }
        let name = path
            .file_stem()
            .and_then(|name| name.to_str())
            .context("a file name that is not UTF-8")?;
        check_name(name)?;
        self.trust_public(name, &ed25519_compact::PublicKey::new(read_public(path)?))?;
        Ok(name.to_owned())
    }

    /// No image that is built from now on trusts it. The answer is the key.
    pub fn revoke(&self, name: &str) -> Result<PublicKey> {
        let path = self.trusted_path(name);
        let public = read_public(&path)
            .with_context(|| format!("{name} is not trusted: `cargo umbra key list` shows those that are"))?;
        std::fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
        Ok(public)
    }

    /// Name of a key that is here.
    pub fn name_of(&self, public: &PublicKey) -> Option<Entry> {
        self.list()
            .ok()?
            .into_iter()
            .find(|entry| entry.public == *public)
    }

    fn pair(&self, name: &str) -> Result<KeyPair> {
        check_name(name)?;
        let path = self.pair_path(name);
        let pem = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        KeyPair::from_pem(&pem).map_err(|error| anyhow!("{}: {error}", path.display()))
    }

    fn trust_public(&self, name: &str, public: &ed25519_compact::PublicKey) -> Result<()> {
        let path = self.trusted_path(name);
        std::fs::write(&path, public.to_pem()).with_context(|| format!("writing {}", path.display()))
    }

    fn pair_path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.key"))
    }
    fn trusted_folder(&self) -> PathBuf {
        self.folder.join("trusted")
    }
    fn trusted_path(&self, name: &str) -> PathBuf {
        self.trusted_folder().join(format!("{name}.pub"))
    }
}

/// Short form of a key for people.
pub fn short(public: &PublicKey) -> String {
    crate::ctl::text::hex(&public[..8])
}

fn read_public(path: &Path) -> Result<PublicKey> {
    let pem = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let key = ed25519_compact::PublicKey::from_pem(&pem)
        .map_err(|error| anyhow!("{}: no ed25519 public key in PEM: {error}", path.display()))?;
    Ok(*key)
}

/// Names become file names.
fn check_name(name: &str) -> Result<()> {
    let good = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    ensure!(
        !name.is_empty() && name.len() <= 64 && name.chars().all(good),
        "`{name}` is no name for a key: letters, digits, - and _, at most 64"
    );
    Ok(())
}

fn names(folder: &Path, extension: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension)
            && let Some(name) = path.file_stem().and_then(|name| name.to_str())
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}
