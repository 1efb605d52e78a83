//! Arguments by name without a map: what generated clients send.

use serde::ser::{Serialize, SerializeMap, Serializer};

/// The start of a list of arguments by name: none yet.
///
/// Unlike [`Arguments`](super::Arguments) it borrows the values and allocates nothing; each [`with`](Self::with) makes
/// a longer type. An argument's mistakes show when the call is sent.
///
/// ```
/// use bergen_messaging::rpc::NoArguments;
///
/// let arguments = NoArguments.with("instance", "i-1").with("hard", &true);
/// assert_eq!(serde_json::to_string(&arguments)?, r#"{"instance":"i-1","hard":true}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct NoArguments;

/// A list of arguments by name that ends in `name`; see [`NoArguments`].
#[derive(Debug, Clone, Copy)]
pub struct NamedArguments<'a, Before, T: ?Sized> {
    before: Before,
    name: &'static str,
    value: &'a T,
}

impl NoArguments {
    /// The list with one argument.
    pub fn with<'a, T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &'a T,
    ) -> NamedArguments<'a, Self, T> {
        NamedArguments {
            before: self,
            name,
            value,
        }
    }
}

impl<Before, U: ?Sized> NamedArguments<'_, Before, U> {
    /// The list with one more argument. Names are not to be repeated.
    pub fn with<'a, T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &'a T,
    ) -> NamedArguments<'a, Self, T> {
        NamedArguments {
            before: self,
            name,
            value,
        }
    }
}

impl Serialize for NoArguments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_map(Some(0))?.end()
    }
}

impl<Before: Members, T: Serialize + ?Sized> Serialize for NamedArguments<'_, Before, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Self::COUNT))?;
        self.write(&mut map)?;
        map.end()
    }
}

/// A list that writes itself into a map.
trait Members {
    const COUNT: usize;

    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;
}

impl Members for NoArguments {
    const COUNT: usize = 0;

    fn write<M: SerializeMap>(&self, _: &mut M) -> Result<(), M::Error> {
        Ok(())
    }
}

impl<Before: Members, T: Serialize + ?Sized> Members for NamedArguments<'_, Before, T> {
    const COUNT: usize = Before::COUNT + 1;

    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        self.before.write(map)?;
        map.serialize_entry(self.name, self.value)
    }
}
