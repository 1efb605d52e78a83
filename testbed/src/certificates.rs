use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::TestbedError;

/// A folder of PEM files: an authority (`ca.pem`), what it has issued, and another authority that
/// has issued nothing (`other-ca.pem`). Gone when dropped.
#[derive(Debug)]
pub struct Certificates {
    folder: PathBuf,
    authority: Issuer<'static, KeyPair>,
}

impl Certificates {
    /// Both authorities, and nothing issued yet.
    pub fn new() -> Result<Self, TestbedError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("bergen-certificates-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).map_err(TestbedError::io("making a folder"))?;
        let authority = authority(&folder, "ca")?;
        self::authority(&folder, "other-ca")?;
        Ok(Self { folder, authority })
    }

    /// Issues `FILE.pem` and its key, `FILE.key`. `subject` is its common name, and the DNS name or
    /// address that it is for.
    pub fn issue(&self, file: &str, subject: &str) -> Result<(), TestbedError> {
        let key = KeyPair::generate().map_err(unfit)?;
        let mut params = CertificateParams::new(vec![subject.to_owned()]).map_err(unfit)?;
        params.distinguished_name.push(DnType::CommonName, subject);
        let certificate = params.signed_by(&key, &self.authority).map_err(unfit)?;
        write(&self.path(&format!("{file}.pem")), &certificate.pem())?;
        write(&self.path(&format!("{file}.key")), &key.serialize_pem())
    }

    /// Where a file is, or would be.
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        // What stays behind is small and in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn authority(folder: &Path, name: &str) -> Result<Issuer<'static, KeyPair>, TestbedError> {
    let key = KeyPair::generate().map_err(unfit)?;
    let mut params = CertificateParams::new(Vec::new()).map_err(unfit)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let certificate = params.self_signed(&key).map_err(unfit)?;
    write(&folder.join(format!("{name}.pem")), &certificate.pem())?;
    Ok(Issuer::new(params, key))
}

fn unfit(error: rcgen::Error) -> TestbedError {
    TestbedError::io("making a certificate")(std::io::Error::other(error))
}

fn write(file: &Path, text: &str) -> Result<(), TestbedError> {
    fs::write(file, text).map_err(TestbedError::io(format!("writing {}", file.display())))
}
