use super::*;

#[test]
fn sizes() {
    assert_eq!(size("1000"), Ok(1000));
    assert_eq!(size("64k"), Ok(64 << 10));
    assert_eq!(size("512M"), Ok(512 << 20));
    assert_eq!(size("1G"), Ok(1 << 30));
    for wrong in ["", "0", "G", "1T", "-1", "1.5G", "é", "99999999999G"] {
        assert!(size(wrong).is_err(), "{wrong}");
    }
}
