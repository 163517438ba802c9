class DemoGateway:
    name = "demo"
