use super::*;
use crate::objects::{Field, Header, NOVA, VersionedObject};

#[derive(Debug, Clone, PartialEq, Default, VersionedObject)]
#[object(name = "Bulb", version = "1.3", namespace = NOVA, crate = crate)]
struct Bulb {
    #[object(header)]
    header: Header,
    #[object(since = "1.2")]
    watts: Field<i64>,
}

#[derive(Debug, Clone, PartialEq, Default, VersionedObject)]
#[object(name = "Lamp", version = "1.6", namespace = NOVA, make_compatible = lamp, crate = crate)]
struct Lamp {
    #[object(header)]
    header: Header,
    room: Field<String>,
    #[object(relationships = [("1.2", "1.0"), ("1.4", "1.2")])]
    bulb: Field<Option<Bulb>>,
    spares: Field<Vec<Bulb>>,
}

/// Rooms had numbers before 1.5.
fn lamp(data: &mut Data, target: Version) {
    if target < Version::new(1, 5) {
        let number = RawJson::encode(&0).unwrap();
        data.entry("room".to_owned())
            .and_modify(|room| *room = number);
    }
}

#[derive(Debug, Clone, PartialEq, Default, VersionedObject)]
#[object(name = "BulbList", version = "1.1", namespace = NOVA, list, crate = crate)]
struct BulbList {
    #[object(header)]
    header: Header,
    objects: Field<Vec<Bulb>>,
}

fn bulb() -> Bulb {
    let mut bulb = Bulb::default();
    bulb.watts.set(60);
    bulb
}

fn whole_lamp() -> Lamp {
    let mut lamp = Lamp::default();
    lamp.bulb.set(Some(bulb()));
    lamp.spares.set(vec![bulb()]);
    lamp.room.set("hall".to_owned());
    lamp
}

/// The version and the fields of the object in a field, or of the first in a list.
fn inner(envelope: &Envelope, field: &str) -> Option<(String, usize)> {
    let json = envelope.data.get(field)?;
    let object = json.elements().next().unwrap_or_else(|| json.clone());
    let inner = Envelope::read(&object, &NOVA).unwrap();
    assert!(
        inner
            .changes
            .iter()
            .all(|name| inner.data.contains_key(name))
    );
    Some((inner.version.to_string(), inner.data.len()))
}

fn manifest(bulbs: (u32, u32)) -> Manifest {
    Manifest::from([("Bulb".to_owned(), bulbs.into())])
}

#[test]
fn relationships_say_which_inner_version_goes_with_the_outer() {
    for (target, expected) in [
        ((1, 5), Some(("1.2".to_owned(), 1))),
        ((1, 4), Some(("1.2".to_owned(), 1))),
        ((1, 3), Some(("1.0".to_owned(), 0))),
        ((1, 1), None),
    ] {
        let older = whole_lamp().backported(target.into(), None).unwrap();
        assert_eq!(inner(&older, "bulb"), expected, "{target:?}");
        // Without a rule it stays.
        assert_eq!(inner(&older, "spares"), Some(("1.3".to_owned(), 1)));
        let bulb_changed = older.changes.contains("bulb");
        assert_eq!(bulb_changed, expected.is_some(), "{target:?}");
    }
}

#[test]
fn a_manifest_reaches_objects_even_if_the_outer_version_is_the_same() {
    let same = whole_lamp()
        .backported((1, 6).into(), Some(&manifest((1, 1))))
        .unwrap();
    for field in ["bulb", "spares"] {
        assert_eq!(inner(&same, field), Some(("1.1".to_owned(), 0)), "{field}");
    }
    let other = Manifest::from([("Shade".to_owned(), (1, 0).into())]);
    let same = whole_lamp()
        .backported((1, 6).into(), Some(&other))
        .unwrap();
    assert_eq!(same, whole_lamp().to_envelope().unwrap());
    let newer = whole_lamp().backported((1, 6).into(), Some(&manifest((1, 9))));
    assert_eq!(inner(&newer.unwrap(), "bulb"), Some(("1.3".to_owned(), 1)));
}

#[test]
fn a_list_that_knows_nothing_sends_its_objects_as_1_0() {
    let mut list = BulbList::default();
    list.objects.set(vec![bulb()]);
    let older = list.backported((1, 0).into(), None).unwrap();
    assert_eq!(inner(&older, "objects"), Some(("1.0".to_owned(), 0)));
    let told = list
        .backported((1, 0).into(), Some(&manifest((1, 2))))
        .unwrap();
    assert_eq!(inner(&told, "objects"), Some(("1.2".to_owned(), 1)));
}

#[test]
fn a_class_converts_what_removing_does_not() {
    let older = whole_lamp().backported((1, 4).into(), None).unwrap();
    assert_eq!(older.data["room"].as_str(), "0");
    let newer = whole_lamp().backported((1, 5).into(), None).unwrap();
    assert_eq!(newer.data["room"].as_str(), r#""hall""#);
    assert_eq!(
        newer.changes,
        ["bulb", "room", "spares"].map(str::to_owned).into()
    );
}
