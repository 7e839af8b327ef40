"""The WSDL of the endpoint, in the shape that Windows' own tools expect of the Web Connector's service.

Written from the table of methods rather than by Spyne, whose own differs in names
that generated clients are built on, and repeats the Host header of whoever asked
first (compat.md 9 and 10).
"""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

_S, _I, _A = "s:string", "s:int", "tns:ArrayOfString"

METHODS: dict[str, tuple[list[tuple[str, str]], str]] = {
    "serverVersion": ([], _S),
    "clientVersion": ([("strVersion", _S)], _S),
    "authenticate": ([("strUserName", _S), ("strPassword", _S)], _A),
    "sendRequestXML": (
        [
            ("ticket", _S),
            ("strHCPResponse", _S),
            ("strCompanyFileName", _S),
            ("qbXMLCountry", _S),
            ("qbXMLMajorVers", _I),
            ("qbXMLMinorVers", _I),
        ],
        _S,
    ),
    "receiveResponseXML": ([("ticket", _S), ("response", _S), ("hresult", _S), ("message", _S)], _I),
    "connectionError": ([("ticket", _S), ("hresult", _S), ("message", _S)], _S),
    "getLastError": ([("ticket", _S)], _S),
    "closeConnection": ([("ticket", _S)], _S),
    "getInteractiveURL": ([("wcTicket", _S), ("sessionID", _S)], _S),
    "interactiveRejected": ([("wcTicket", _S), ("reason", _S)], _S),
    "interactiveDone": ([("wcTicket", _S)], _S),
    "getServerVersion": ([("ticket", _S)], _S),
}
"""Parameters in order, and the type of the result, of each method (protocol.md A.1)."""


def document(url: str) -> str:
    """Return the WSDL of the service at ``url``."""
    return "".join(
        (
            '<?xml version="1.0" encoding="utf-8"?>\n'
            '<wsdl:definitions xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" '
            'xmlns:tns="http://developer.intuit.com/" xmlns:s="http://www.w3.org/2001/XMLSchema" '
            'xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" '
            'targetNamespace="http://developer.intuit.com/">\n',
            '<wsdl:types><s:schema elementFormDefault="qualified" '
            'targetNamespace="http://developer.intuit.com/">\n',
            *(_elements(name, *METHODS[name]) for name in METHODS),
            '<s:complexType name="ArrayOfString"><s:sequence>'
            '<s:element minOccurs="0" maxOccurs="unbounded" name="string" nillable="true" '
            'type="s:string"/></s:sequence></s:complexType>\n',
            "</s:schema></wsdl:types>\n",
            *(_messages(name) for name in METHODS),
            '<wsdl:portType name="QBWebConnectorSvcSoap">\n',
            *(_operation(name) for name in METHODS),
            "</wsdl:portType>\n"
            '<wsdl:binding name="QBWebConnectorSvcSoap" type="tns:QBWebConnectorSvcSoap">\n'
            '<soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>\n',
            *(_binding(name) for name in METHODS),
            "</wsdl:binding>\n"
            '<wsdl:service name="QBWebConnectorSvc">'
            '<wsdl:port name="QBWebConnectorSvcSoap" binding="tns:QBWebConnectorSvcSoap">'
            f"<soap:address location={quoteattr(url)}/>"
            "</wsdl:port></wsdl:service>\n</wsdl:definitions>\n",
        )
    )


def _elements(name: str, parameters: list[tuple[str, str]], result: str) -> str:
    return _element(name, parameters) + _element(f"{name}Response", [(f"{name}Result", result)])


def _element(name: str, children: list[tuple[str, str]]) -> str:
    inner = "".join(
        f'<s:element minOccurs="{int(type_ == _I)}" maxOccurs="1" name="{child}" type="{type_}"/>'
        for child, type_ in children
    )
    return (
        f'<s:element name="{name}"><s:complexType><s:sequence>{inner}</s:sequence>'
        "</s:complexType></s:element>\n"
    )


def _messages(name: str) -> str:
    return (
        f'<wsdl:message name="{name}SoapIn"><wsdl:part name="parameters" element="tns:{name}"/>'
        f'</wsdl:message>\n<wsdl:message name="{name}SoapOut">'
        f'<wsdl:part name="parameters" element="tns:{name}Response"/></wsdl:message>\n'
    )


def _operation(name: str) -> str:
    return (
        f'<wsdl:operation name="{name}"><wsdl:input message="tns:{name}SoapIn"/>'
        f'<wsdl:output message="tns:{name}SoapOut"/></wsdl:operation>\n'
    )


def _binding(name: str) -> str:
    return (
        f'<wsdl:operation name="{name}">'
        f'<soap:operation soapAction="http://developer.intuit.com/{name}" style="document"/>'
        '<wsdl:input><soap:body use="literal"/></wsdl:input>'
        '<wsdl:output><soap:body use="literal"/></wsdl:output></wsdl:operation>\n'
    )
