//! The table of an API's methods, and what else of the settings becomes a value.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;

use crate::api::{Api, Method};
use crate::version::Version;

/// `&[MethodInfo]`, constant.
pub(super) fn methods(api: &Api) -> TokenStream {
    let krate = &api.settings.krate;
    let entries = api.methods.iter().map(|method| entry(krate, method));
    quote!(&[#(#entries),*])
}

/// Builder calls that give `namespace` (and its legacy names) and `version` to a target.
pub(super) fn endpoint_target(api: &Api) -> TokenStream {
    let krate = &api.settings.krate;
    let namespace = api.settings.namespace.iter();
    let legacy = &api.settings.legacy_namespaces;
    let version = api.settings.version.iter().map(version);
    quote! {
        #krate::target::EndpointTarget::new()
            #(.namespace(#namespace))*
            #(.legacy_namespace(#legacy))*
            #(.version(#version))*
    }
}

/// What converts into a `Version`.
pub(super) fn version(version: &Version) -> TokenStream {
    let Version {
        major,
        minor,
        revision,
        ..
    } = version;
    quote!((#major, #minor, #revision))
}

fn entry(krate: &Path, method: &Method) -> TokenStream {
    let Method { name, cfgs, .. } = method;
    let version = method.version.as_ref().map_or_else(
        || quote!(::core::option::Option::None),
        |Version { text, .. }| {
            quote!(::core::option::Option::Some(::std::borrow::Cow::Borrowed(#text)))
        },
    );
    quote! {
        #(#cfgs)*
        #krate::rpc::MethodInfo {
            name: ::std::borrow::Cow::Borrowed(#name),
            version: #version,
            exposed: true,
        }
    }
}
