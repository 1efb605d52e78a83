//! From the description to `impl RpcError`, and to `Display` where the messages are given here.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::LitStr;

use super::message::with_named_fields;
use super::{Failures, Field, Fields, Variant, VariantKind};
use crate::parse::is_option;

pub(super) fn render(failures: &Failures) -> TokenStream {
    let Failures {
        ident,
        krate,
        variants,
        ..
    } = failures;
    let remote = local("remote");
    let to_failure = variants.iter().map(|variant| to_failure(failures, variant));
    let expected = variants
        .iter()
        .map(|variant| is_expected(failures, variant));
    let (inner, own): (Vec<_>, Vec<_>) = variants
        .iter()
        .partition(|variant| matches!(variant.kind, VariantKind::Transparent(_)));
    let from_remote = own
        .into_iter()
        .chain(inner)
        .map(|variant| from_remote(failures, variant));
    let display = failures.display.then(|| display(failures));
    quote! {
        #[automatically_derived]
        impl #krate::rpc::RpcError for #ident {
            fn to_failure(&self) -> #krate::wire::Failure {
                match self {
                    #(#to_failure)*
                }
            }

            fn from_remote(#remote: &#krate::rpc::RemoteError) -> ::core::option::Option<Self> {
                #(#from_remote)*
                ::core::option::Option::None
            }

            fn is_expected(&self) -> bool {
                match self {
                    #(#expected)*
                }
            }
        }

        #display
    }
}

fn to_failure(failures: &Failures, variant: &Variant) -> TokenStream {
    let Failures { krate, .. } = failures;
    let Variant { ident, cfgs, kind } = variant;
    match kind {
        VariantKind::Transparent(_) => quote! {
            #(#cfgs)*
            Self::#ident(inner) => #krate::rpc::RpcError::to_failure(inner),
        },
        VariantKind::Exception {
            module,
            class,
            fields,
            ..
        } => {
            let binding = bind(fields);
            let arguments: Vec<_> = match fields {
                Fields::None => Vec::new(),
                Fields::Named(fields) => {
                    let kwarg = |Field { ident, name, .. }: &Field| quote!(.kwarg(#name, #ident));
                    fields.iter().map(kwarg).collect()
                }
                Fields::Positional(fields) => fields
                    .iter()
                    .map(|Field { ident, .. }| quote!(.arg(#ident)))
                    .collect(),
            };
            let text = local("text");
            quote! {
                #(#cfgs)*
                Self::#ident #binding => {
                    let #text = ::std::string::ToString::to_string(self);
                    #krate::rpc::Exception::new(#module, #class, #text) #(#arguments)* .into_failure()
                }
            }
        }
    }
}

/// One attempt to read the variant; attempts follow one another until one succeeds.
fn from_remote(failures: &Failures, variant: &Variant) -> TokenStream {
    let Failures { krate, .. } = failures;
    let Variant { ident, cfgs, kind } = variant;
    let remote = local("remote");
    let (module, class, fields) = match kind {
        VariantKind::Exception {
            module,
            class,
            fields,
            ..
        } => (module, class, fields),
        VariantKind::Transparent(ty) => {
            return quote! {
                #(#cfgs)*
                if let ::core::option::Option::Some(inner) = <#ty as #krate::rpc::RpcError>::from_remote(#remote) {
                    return ::core::option::Option::Some(Self::#ident(inner));
                }
            };
        }
    };
    let binding = bind(fields);
    let reads: Vec<_> = match fields {
        Fields::None => Vec::new(),
        Fields::Named(fields) => fields
            .iter()
            .map(|field| read(field, "kwarg", &field.name))
            .collect(),
        Fields::Positional(fields) => {
            let with_position = fields.iter().enumerate();
            with_position
                .map(|(position, field)| read(field, "arg", &position))
                .collect()
        }
    };
    let found = quote!(return ::core::option::Option::Some(Self::#ident #binding););
    // Nested, since a chain of lets is not in every edition.
    let found = reads
        .iter()
        .rev()
        .fold(found, |found, read| quote!(if let #read { #found }));
    quote! {
        #(#cfgs)*
        if #remote.is(#module, #class) {
            #found
        }
    }
}

/// `Some(field) = …` of one field. What is absent is `None` where the field itself is an `Option`.
fn read(field: &Field, getter: &str, key: &dyn ToTokens) -> TokenStream {
    let Field { ident, ty, .. } = field;
    let (remote, getter) = (local("remote"), Ident::new(getter, Span::call_site()));
    let value = quote!(#remote.#getter::<#ty>(#key));
    let value = if is_option(ty) {
        quote!(::core::option::Option::Some(#value.unwrap_or_default()))
    } else {
        value
    };
    quote!(::core::option::Option::Some(#ident) = #value)
}

fn is_expected(failures: &Failures, variant: &Variant) -> TokenStream {
    let Failures { krate, .. } = failures;
    let Variant { ident, cfgs, kind } = variant;
    match kind {
        VariantKind::Transparent(_) => quote! {
            #(#cfgs)*
            Self::#ident(inner) => #krate::rpc::RpcError::is_expected(inner),
        },
        VariantKind::Exception { expected, .. } => quote! {
            #(#cfgs)*
            Self::#ident { .. } => #expected,
        },
    }
}

/// A local of the generated code, which no field can shadow.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// The fields of a variant, as a pattern and as an expression.
fn bind(fields: &Fields) -> TokenStream {
    match fields {
        Fields::None => quote!(),
        Fields::Named(fields) => {
            let idents = fields.iter().map(|field| &field.ident);
            quote!({ #(#idents),* })
        }
        Fields::Positional(fields) => {
            let idents = fields.iter().map(|field| &field.ident);
            quote!((#(#idents),*))
        }
    }
}

fn display(failures: &Failures) -> TokenStream {
    let Failures {
        ident, variants, ..
    } = failures;
    let f = local("f");
    let arms = variants
        .iter()
        .map(|Variant { ident, cfgs, kind }| match kind {
            VariantKind::Transparent(_) => quote! {
                #(#cfgs)*
                Self::#ident(inner) => ::core::fmt::Display::fmt(inner, #f),
            },
            VariantKind::Exception {
                message, fields, ..
            } => {
                let binding = bind(fields);
                let message = message
                    .as_ref()
                    .map_or_else(|| LitStr::new("", ident.span()), with_named_fields);
                quote! {
                    #(#cfgs)*
                    #[allow(unused_variables)]
                    Self::#ident #binding => ::core::write!(#f, #message),
                }
            }
        });
    quote! {
        #[automatically_derived]
        impl ::core::fmt::Display for #ident {
            fn fmt(&self, #f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self {
                    #(#arms)*
                }
            }
        }

        #[automatically_derived]
        impl ::core::error::Error for #ident {}
    }
}
