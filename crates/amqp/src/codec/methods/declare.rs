//! The macro that turns the table of methods into types and code.

/// Reads as:
///
/// ```text
/// class basic = 60 {
///     70 BasicGet "basic.get" from Client => 71 | 72
///     struct Get<'a> { [u16] queue: &'a str, no_ack: bool, .. u8 }
/// ```
///
/// method number, variant of `Method`, name, sender, numbers of the answers in the same class, and
/// `with content` where a content follows. `[u16]` before a field and `.. u8` behind the last one are
/// reserved places: written as zero or empty, skipped when read.
macro_rules! methods {
    ($(
        $(#[$class_doc:meta])*
        class $class:ident = $class_id:literal {
            $(
                $(#[$method_doc:meta])*
                $method_id:literal $variant:ident $name:literal from $sender:ident
                $(=> $($reply:literal)|+)? $(with $content:ident)?
                struct $method:ident $(<$lt:lifetime>)? {
                    $( $([$reserved:ty])* $(#[$field_doc:meta])* $field:ident: $type:ty, )*
                    $(.. $($tail:ty),+)?
                }
            )*
        }
    )*) => {
        $(
            $(#[$class_doc])*
            #[allow(clippy::struct_excessive_bools, reason = "the protocol's flags")]
            pub mod $class {
                #[allow(unused_imports, reason = "not every class has every field type")]
                use super::{
                    DecodeError, EncodeError, FieldTable, MethodId, Reader, Secret, Wire, Writer,
                };

                /// Number of the class.
                pub const CLASS_ID: u16 = $class_id;

                $(
                    $(#[$method_doc])*
                    #[doc = ""]
                    #[doc = concat!(
                        "`", $name, "`, class ", $class_id, ", method ", $method_id,
                        "; sender: ", stringify!($sender), "."
                    )]
                    #[derive(Debug, Clone, Default, PartialEq)]
                    pub struct $method $(<$lt>)? {
                        $( $(#[$field_doc])* pub $field: $type, )*
                    }

                    impl $(<$lt>)? $method $(<$lt>)? {
                        /// Class and method number.
                        pub const ID: MethodId = ($class_id, $method_id);
                    }

                    #[allow(unused_variables, reason = "methods without fields")]
                    impl<'a> Wire<'a> for $method $(<$lt>)? {
                        #[inline]
                        fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                            $( $( <$reserved as Wire<'a>>::read(reader)?; )* let $field = Wire::read(reader)?; )*
                            $( $( <$tail as Wire<'a>>::read(reader)?; )+ )?
                            Ok(Self { $($field),* })
                        }

                        #[inline]
                        fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
                            $( $( <$reserved>::default().write(writer)?; )* self.$field.write(writer)?; )*
                            $( $( <$tail>::default().write(writer)?; )+ )?
                            Ok(())
                        }
                    }

                    impl<'a> From<$method $(<$lt>)?> for super::Method<'a> {
                        fn from(method: $method $(<$lt>)?) -> Self {
                            Self::$variant(method)
                        }
                    }
                )*
            }
        )*

        /// Any method.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Method<'a> {
            $( $(
                #[doc = concat!("`", $name, "`")]
                $variant($class::$method $(<$lt>)?),
            )* )*
        }

        impl<'a> Method<'a> {
            /// What holds for this method whatever its fields are.
            pub fn info(&self) -> &'static MethodInfo {
                match self {
                    $( $(
                        Self::$variant(_) => const {
                            &MethodInfo {
                                id: ($class_id, $method_id),
                                name: $name,
                                sender: Sender::$sender,
                                replies: &[$( $( ($class_id, $reply), )+ )?],
                                has_content: has_content!($($content)?),
                            }
                        },
                    )* )*
                }
            }

            /// Whether the sender asked for no answer.
            pub fn no_wait(&self) -> bool {
                match self {
                    $( $( Self::$variant(method) => {
                        let _ = method;
                        false $( | no_wait!(method $field) )*
                    } )* )*
                }
            }

            pub(super) fn read_fields(
                id: MethodId,
                reader: &mut Reader<'a>,
            ) -> Result<Self, DecodeError> {
                match id {
                    $( $( ($class_id, $method_id) => Wire::read(reader).map(Self::$variant), )* )*
                    (class_id, method_id) => Err(DecodeError::UnknownMethod { class_id, method_id }),
                }
            }

            pub(super) fn write_fields(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
                match self {
                    $( $( Self::$variant(method) => method.write(writer), )* )*
                }
            }
        }

        /// All methods, in the order of their numbers.
        pub const METHODS: &[MethodInfo] = &[
            $( $(
                MethodInfo {
                    id: ($class_id, $method_id),
                    name: $name,
                    sender: Sender::$sender,
                    replies: &[$( $( ($class_id, $reply), )+ )?],
                    has_content: has_content!($($content)?),
                },
            )* )*
        ];
    };
}

macro_rules! has_content {
    () => {
        false
    };
    (content) => {
        true
    };
}

macro_rules! no_wait {
    ($method:ident no_wait) => {
        $method.no_wait
    };
    ($method:ident $other:ident) => {
        false
    };
}
