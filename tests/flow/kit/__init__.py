"""What the flow tests are made of: the proxy as a process, scripted origins, raw clients, certificates, name servers."""
