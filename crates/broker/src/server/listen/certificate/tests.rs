use rcgen::{CertificateParams, DnType, KeyPair};

use super::*;

fn certificate(names: &[(DnType, &str)]) -> CertificateDer<'static> {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    for (kind, name) in names {
        params.distinguished_name.push(kind.clone(), *name);
    }
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().clone()
}

#[test]
fn the_common_name_is_found_among_others() {
    let long = "n".repeat(200);
    for name in ["compute-1", "Grüße", long.as_str()] {
        let names = [
            (DnType::OrganizationName, "bergen"),
            (DnType::CommonName, name),
            (DnType::CountryName, "NO"),
        ];
        assert_eq!(common_name(&certificate(&names)).as_deref(), Some(name));
    }
}

#[test]
fn no_name_is_no_name() {
    assert_eq!(common_name(&certificate(&[])), None);
    let other = [(DnType::OrganizationName, "bergen")];
    assert_eq!(common_name(&certificate(&other)), None);
    assert_eq!(common_name(&CertificateDer::from(vec![1, 2, 3])), None);
}

#[test]
fn of_several_common_names_none_is_taken() {
    let name = |text: &str| {
        let value = [&[UTF8_STRING, 1], text.as_bytes()].concat();
        let pair = [&[OBJECT_IDENTIFIER, 3][..], &COMMON_NAME, &value].concat();
        let pair = [&[SEQUENCE, 8][..], &pair].concat();
        [&[SET, 10][..], &pair].concat()
    };
    assert_eq!(one_common_name(&name("a")), Some("a".to_owned()));
    assert_eq!(one_common_name(&[name("a"), name("b")].concat()), None);
}

#[test]
fn garbage_ends() {
    let der = certificate(&[(DnType::CommonName, "compute-1")]);
    let parsed = EndEntityCert::try_from(&der).unwrap();
    let subject = parsed.subject().to_vec();
    assert_eq!(one_common_name(&subject).as_deref(), Some("compute-1"));
    for end in 0..subject.len() {
        assert_eq!(one_common_name(&subject[..end]), None);
        for bits in 1..=255_u8 {
            let mut changed = subject.clone();
            changed[end] ^= bits;
            let _ = one_common_name(&changed);
        }
    }
}
