"""Bank statements and payment messages by others, read as a stream: ISO 20022 and MT940/942."""
