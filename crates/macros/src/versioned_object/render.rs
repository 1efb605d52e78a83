//! From the description to the implementations.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use super::{Class, Field};
use crate::version::Version;

pub(super) fn render(class: &Class) -> TokenStream {
    let Class {
        ident,
        krate,
        header,
        fields,
        ..
    } = class;
    let objects = quote!(#krate::objects);
    let definition = definition(class, &objects);
    let indices: Vec<_> = (0..fields.len()).collect();
    let idents: Vec<_> = fields.iter().map(|field| &field.ident).collect();
    let defaults = fields.iter().enumerate().filter_map(|(index, field)| {
        let (ident, default) = (&field.ident, field.default.as_ref()?);
        Some(quote!(#index => self.#ident = ::core::convert::From::from(#default),))
    });
    let (index, serializer) = (local("index"), local("serializer"));
    quote! {
        #[automatically_derived]
        impl #objects::VersionedObject for #ident {
            fn definition() -> &'static #objects::ObjectDefinition {
                #definition
            }

            fn header(&self) -> &#objects::Header {
                &self.#header
            }

            fn header_mut(&mut self) -> &mut #objects::Header {
                &mut self.#header
            }

            fn field(&self, #index: usize) -> ::core::option::Option<&dyn #objects::ObjectField> {
                match #index {
                    #(#indices => ::core::option::Option::Some(&self.#idents),)*
                    _ => ::core::option::Option::None,
                }
            }

            fn field_mut(&mut self, #index: usize) -> ::core::option::Option<&mut dyn #objects::ObjectField> {
                match #index {
                    #(#indices => ::core::option::Option::Some(&mut self.#idents),)*
                    _ => ::core::option::Option::None,
                }
            }

            fn set_default(&mut self, #index: usize) -> bool {
                match #index {
                    #(#defaults)*
                    _ => return false,
                }
                #[allow(unreachable_code)]
                true
            }
        }

        #[automatically_derived]
        impl #objects::serde::Serialize for #ident {
            fn serialize<S: #objects::serde::Serializer>(
                &self,
                #serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                #objects::serialize(self, #serializer)
            }
        }

        #[automatically_derived]
        impl<'de> #objects::serde::Deserialize<'de> for #ident {
            fn deserialize<D: #objects::serde::Deserializer<'de>>(
                #serializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                #objects::deserialize(#serializer)
            }
        }
    }
}

fn definition(class: &Class, objects: &TokenStream) -> TokenStream {
    let Class {
        name,
        namespace,
        list,
        absent_defaults,
        ..
    } = class;
    let version = version(&class.version, objects);
    let fields = class.fields.iter().map(|field| describe(field, objects));
    let make_compatible = option(class.make_compatible.as_ref().map(|path| quote!(#path)));
    quote! {
        static DEFINITION: #objects::ObjectDefinition = #objects::ObjectDefinition {
            name: #name,
            namespace: #namespace,
            version: #version,
            fields: &[#(#fields),*],
            list: #list,
            absent_defaults: #absent_defaults,
            make_compatible: #make_compatible,
        };
        &DEFINITION
    }
}

fn describe(field: &Field, objects: &TokenStream) -> TokenStream {
    let Field { name, ty, .. } = field;
    let since = option(field.since.as_ref().map(|since| version(since, objects)));
    let relationships = field.relationships.iter().map(|(parent, child)| {
        let (parent, child) = (version(parent, objects), version(child, objects));
        quote!((#parent, #child))
    });
    quote! {
        #objects::FieldDefinition {
            name: #name,
            since: #since,
            nested: <#ty as #objects::Nesting>::nested,
            relationships: &[#(#relationships),*],
        }
    }
}

fn version(version: &Version, objects: &TokenStream) -> TokenStream {
    let Version {
        major,
        minor,
        revision,
        ..
    } = version;
    let third = version.text.value().matches('.').count() > 1;
    let revision = third.then(|| quote!(.with_revision(#revision)));
    quote!(#objects::Version::new(#major, #minor) #revision)
}

fn option(value: Option<TokenStream>) -> TokenStream {
    value.map_or_else(
        || quote!(::core::option::Option::None),
        |value| quote!(::core::option::Option::Some(#value)),
    )
}

/// A local of the generated code, which no field can shadow.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}
