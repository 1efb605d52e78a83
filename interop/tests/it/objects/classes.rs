//! The classes of `peers/versioned_objects.py`.

use bergen_openstack::objects::VersionedObject;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::random::Maker;

/// A class with random objects.
pub(super) trait Kind: VersionedObject + Serialize + DeserializeOwned + 'static {
    fn random(maker: &mut Maker) -> Self;
}

/// The same classes for each project, since the project belongs to the type.
macro_rules! classes {
    ($project:ident, $namespace:ident) => {
        pub(super) mod $project {
            use std::collections::{BTreeMap, BTreeSet};
            use std::net::IpAddr;

            use bergen::wire::convert::{DateTime, Network, Uuid};
            use bergen_openstack::objects::{
                Field, FlexibleBoolean, Header, MacAddress, ReadOnly, VersionedObject, $namespace,
            };

            use super::{Kind, Maker};

            #[derive(Debug, Clone, PartialEq, Default, VersionedObject)]
            #[object(name = "Child", version = "1.2", namespace = $namespace)]
            pub(in crate::objects) struct Child {
                #[object(header)]
                header: Header,
                n: Field<i64>,
                #[object(since = "1.1")]
                label: Field<Option<String>>,
            }

            #[derive(Debug, Clone, PartialEq, Default, VersionedObject)]
            #[object(name = "ChildList", version = "1.1", namespace = $namespace, list)]
            pub(in crate::objects) struct ChildList {
                #[object(header)]
                header: Header,
                objects: Field<Vec<Child>>,
            }

            #[derive(Debug, Clone, PartialEq, Default, VersionedObject)]
            #[object(name = "Everything", version = "1.5", namespace = $namespace)]
            pub(in crate::objects) struct Everything {
                #[object(header)]
                header: Header,
                id: ReadOnly<i64>,
                count: Field<u64>,
                name: Field<Option<String>>,
                state: Field<String>,
                ratio: Field<f64>,
                #[object(default = true)]
                lit: Field<bool>,
                loose: Field<FlexibleBoolean>,
                at: Field<Option<DateTime>>,
                uuid: Field<Uuid>,
                address: Field<IpAddr>,
                network: Field<Network>,
                mac: Field<MacAddress>,
                strings: Field<Vec<String>>,
                numbers: Field<BTreeSet<i64>>,
                tags: Field<BTreeMap<String, Option<String>>>,
                counts: Field<BTreeMap<String, i64>>,
                groups: Field<BTreeMap<String, Vec<String>>>,
                lists: Field<Vec<Vec<String>>>,
                maps: Field<Vec<BTreeMap<String, Option<String>>>>,
                #[object(relationships = [("1.1", "1.0"), ("1.4", "1.2")])]
                child: Field<Option<Child>>,
                #[object(relationships = [("1.0", "1.0"), ("1.5", "1.2")])]
                children: Field<Vec<Child>>,
                #[object(relationships = [("1.0", "1.0"), ("1.5", "1.1")])]
                list: Field<ChildList>,
                #[object(since = "1.3")]
                newer: Field<String>,
            }

            impl Child {
                fn random(maker: &mut Maker) -> Self {
                    let mut child = Self::default();
                    child.n.set(maker.number());
                    if maker.chance(50) {
                        child.reset_changes();
                    }
                    maker.field(&mut child.label, |maker| maker.maybe(Maker::text));
                    child
                }
            }

            impl ChildList {
                fn random(maker: &mut Maker) -> Self {
                    let mut list = Self::default();
                    list.objects.set(maker.some(Child::random));
                    if maker.chance(50) {
                        list.reset_changes();
                    }
                    list
                }
            }

            impl Kind for Everything {
                fn random(maker: &mut Maker) -> Self {
                    let mut object = Self::default();
                    object.id.set("id", maker.number()).unwrap();
                    maker.field(&mut object.count, |maker| maker.number().unsigned_abs());
                    maker.field(&mut object.name, |maker| maker.maybe(Maker::text));
                    maker.field(&mut object.state, |maker| {
                        (*maker.pick(&["up", "down"])).to_owned()
                    });
                    maker.field(&mut object.ratio, |maker| {
                        *maker.pick(&[0.0, -1.5, 1e300, 0.1])
                    });
                    maker.field(&mut object.lit, |maker| maker.chance(50));
                    maker.field(&mut object.loose, |maker| FlexibleBoolean(maker.chance(50)));
                    maker.field(&mut object.at, |maker| maker.maybe(Maker::at));
                    maker.field(&mut object.uuid, |maker| Uuid::from(maker.bits()));
                    maker.field(&mut object.address, Maker::address);
                    maker.field(&mut object.network, Maker::network);
                    maker.field(&mut object.mac, |maker| {
                        let [bytes @ .., _, _] = maker.number().to_be_bytes();
                        MacAddress(bytes)
                    });
                    object.reset_changes();
                    maker.field(&mut object.strings, |maker| maker.some(Maker::text));
                    maker.field(&mut object.numbers, |maker| maker.some(Maker::number));
                    maker.field(&mut object.tags, |maker| {
                        maker.map(|maker| maker.maybe(Maker::text))
                    });
                    maker.field(&mut object.counts, |maker| maker.map(Maker::number));
                    maker.field(&mut object.groups, |maker| {
                        maker.map(|maker| maker.some(Maker::text))
                    });
                    maker.field(&mut object.lists, |maker| {
                        maker.some(|maker| maker.some(Maker::text))
                    });
                    maker.field(&mut object.maps, |maker| {
                        maker.some(|maker| maker.map(|maker| maker.maybe(Maker::text)))
                    });
                    maker.field(&mut object.child, |maker| maker.maybe(Child::random));
                    maker.field(&mut object.children, |maker| maker.some(Child::random));
                    if maker.chance(50) {
                        object.reset_changes();
                    }
                    maker.field(&mut object.list, ChildList::random);
                    maker.field(&mut object.newer, Maker::text);
                    object
                }
            }
        }
    };
}

classes!(nova, NOVA);
classes!(neutron, NEUTRON);
